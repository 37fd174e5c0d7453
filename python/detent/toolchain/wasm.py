"""As much of the WebAssembly binary format as packaging needs: sections, imports, exports, custom sections.

Full validation is the gate's work; here every read is checked and anything unreadable is D706 with its offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from detent.errors import ToolchainError

T = TypeVar("T")

HEADER = b"\0asm\1\0\0\0"
_TYPE, _IMPORT, _FUNCTION, _EXPORT = 1, 2, 3, 7
_KINDS = ("function", "table", "memory", "global", "tag")
_VALUES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its number, the offset of its contents in the module, the contents (of custom sections behind the name)."""

    number: int
    offset: int
    data: bytes
    name: str = ""


@dataclass(frozen=True, slots=True)
class FuncType:
    """Types of parameters and results."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join(self.params)}) -> ({' '.join(self.results)})"


@dataclass(frozen=True, slots=True)
class Import:
    """An import; ``type`` of functions only."""

    module: str
    name: str
    kind: str
    type: FuncType | None


@dataclass(frozen=True, slots=True)
class Export:
    """An export; ``type`` of functions only."""

    name: str
    kind: str
    type: FuncType | None


class Module:
    """A module taken apart into its sections. Raises D706."""

    def __init__(self, wasm: bytes) -> None:
        self.sections = tuple(_sections(wasm))

    def to_bytes(self) -> bytes:
        """The module again."""
        return HEADER + b"".join(_write(section) for section in self.sections)

    def customs(self, name: str) -> list[bytes]:
        """Contents of every custom section of a name."""
        return [section.data for section in self.sections if section.number == 0 and section.name == name]

    def without_customs(self, keep: Iterable[str] = ()) -> Module:
        """Without custom sections, except those named."""
        kept = set(keep)
        return self._with(section for section in self.sections if section.number != 0 or section.name in kept)

    def with_custom(self, name: str, data: bytes) -> Module:
        """With a custom section behind all others."""
        return self._with((*self.sections, Section(0, 0, data, name)))

    def imports(self) -> tuple[Import, ...]:
        """What the module imports, in order."""
        types = self._types()

        def one(r: _Reader) -> Import:
            module, name, kind = r.name(), r.name(), r.kind()
            ty = None
            if kind == "function":
                ty = r.of(types, "type")
            elif kind == "global":
                r.take(2)
            elif kind == "tag":
                r.byte()
                r.leb()
            else:
                if kind == "table":
                    r.byte()
                r.limits()
            return Import(module, name, kind, ty)

        return tuple(self._vector(_IMPORT, one))

    def exports(self) -> tuple[Export, ...]:
        """What the module exports, in order."""
        types = self._types()
        functions = [item.type for item in self.imports() if item.kind == "function"]
        functions += self._vector(_FUNCTION, lambda r: r.of(types, "type"))

        def one(r: _Reader) -> Export:
            name, kind = r.name(), r.kind()
            if kind == "function":
                return Export(name, kind, r.of(functions, "function"))
            r.leb()
            return Export(name, kind, None)

        return tuple(self._vector(_EXPORT, one))

    def _types(self) -> list[FuncType]:
        def one(r: _Reader) -> FuncType:
            if r.byte() != 0x60:
                raise r.error("only function types are read")
            return FuncType(r.values(), r.values())

        return self._vector(_TYPE, one)

    def _vector(self, number: int, read: Callable[[_Reader], T]) -> list[T]:
        found: list[T] = []
        for section in self.sections:
            if section.number == number:
                reader = _Reader(section.data, section.offset)
                found += [read(reader) for _ in range(reader.leb())]
        return found

    def _with(self, sections: Iterable[Section]) -> Module:
        module = Module(HEADER)
        module.sections = tuple(sections)
        return module


def custom_sections(wasm: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of a module's custom sections, in order. Raises D706."""
    return [(section.name, section.data) for section in Module(wasm).sections if section.number == 0]


def _sections(wasm: bytes) -> Iterable[Section]:
    if wasm[:8] != HEADER:
        raise ToolchainError("module_unreadable", "the file does not begin as a core WebAssembly module of version 1", "offset 0")
    reader = _Reader(wasm, 0, 8)
    while reader.at < len(wasm):
        number = reader.byte()
        contents = reader.take(reader.leb())
        offset = reader.at - len(contents)
        if number:
            yield Section(number, offset, contents)
        else:
            custom = _Reader(contents, offset)
            name = custom.name()
            yield Section(0, offset + custom.at, contents[custom.at :], name)


def _write(section: Section) -> bytes:
    data = section.data if section.number else write_name(section.name) + section.data
    return bytes([section.number]) + leb(len(data)) + data


def read_names(section: bytes, subsection: int) -> list[tuple[int, str]]:
    """Indexes and names of one subsection of a name section."""
    reader = _Reader(section, 0)
    while reader.at < len(section):
        number = reader.byte()
        contents = _Reader(reader.take(reader.leb()), 0)
        if number == subsection:
            return [(contents.leb(), contents.name()) for _ in range(contents.leb())]
    return []


def write_name(name: str) -> bytes:
    """A name as the format writes it."""
    raw = name.encode()
    return leb(len(raw)) + raw


def leb(value: int) -> bytes:
    """Unsigned LEB128, shortest form."""
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


class _Reader:
    def __init__(self, data: bytes, offset: int, at: int = 0) -> None:
        self.data = data
        self.offset = offset
        self.at = at

    def error(self, what: str) -> ToolchainError:
        return ToolchainError("module_unreadable", what, f"offset {self.offset + self.at}")

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise self.error(f"{count} bytes wanted, {len(self.data) - self.at} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def leb(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 32:
                    break
                return value
        raise self.error("an integer exceeds 32 bits")

    def name(self) -> str:
        raw = self.take(self.leb())
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self.error("a name is not UTF-8") from error

    def kind(self) -> str:
        byte = self.byte()
        if byte >= len(_KINDS):
            raise self.error(f"kind {byte} of an import or export")
        return _KINDS[byte]

    def limits(self) -> None:
        flags = self.byte()
        if flags > 3:
            raise self.error("limits of 64 bits or of another proposal")
        self.leb()
        if flags & 1:
            self.leb()

    def values(self) -> tuple[str, ...]:
        found = []
        for _ in range(self.leb()):
            byte = self.byte()
            if byte not in _VALUES:
                raise self.error(f"value type {byte:#04x}")
            found.append(_VALUES[byte])
        return tuple(found)

    def of(self, items: list[T], what: str) -> T:
        index = self.leb()
        if index >= len(items):
            raise self.error(f"{what} {index} of {len(items)}")
        return items[index]
