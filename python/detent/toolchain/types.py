"""Types of arguments, results, events and storage: the model, their text in a manifest, their names in event signatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from detent.errors import EncodingError

MAX_NESTING = 32
"""Levels of a type at most, its own and the innermost counted, those of custom types too; the gate has the same limit."""


@dataclass(frozen=True, slots=True)
class Int:
    """``uint8`` ... ``uint128``, ``int8`` ... ``int128``; little-endian, two's complement."""

    bits: int
    signed: bool = False

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}"


@dataclass(frozen=True, slots=True)
class Bool:
    """``bool``: one byte, 0 or 1."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Address:
    """``address``: 32 bytes."""

    def __str__(self) -> str:
        return "address"


@dataclass(frozen=True, slots=True)
class Bytes:
    """``bytes``: any length."""

    def __str__(self) -> str:
        return "bytes"


@dataclass(frozen=True, slots=True)
class Text:
    """``string``: UTF-8 of any length."""

    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """``bytes32``, also written ``hash32``: raw bytes of one length. Manifests know only 32."""

    size: int = 32

    def __str__(self) -> str:
        return f"bytes{self.size}"


@dataclass(frozen=True, slots=True)
class Vec:
    """``vec(T)``."""

    item: Type

    def __str__(self) -> str:
        return f"vec({self.item})"


@dataclass(frozen=True, slots=True)
class Option:
    """``option(T)``."""

    item: Type

    def __str__(self) -> str:
        return f"option({self.item})"


@dataclass(frozen=True, slots=True)
class Map:
    """A map as an argument. Only sections of other tools can contain it; manifests cannot declare it."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map({self.key} => {self.value})"


@dataclass(frozen=True, slots=True)
class Custom:
    """A struct or enum by its name."""

    name: str

    def __str__(self) -> str:
        return self.name


Type = Int | Bool | Address | Bytes | Text | FixedBytes | Vec | Option | Map | Custom


@dataclass(frozen=True, slots=True)
class Param:
    """A named value: an argument, a field of a struct or of an event."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Struct:
    """Its fields, concatenated."""

    name: str
    fields: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Enum:
    """Unit variants; one byte, the index."""

    name: str
    variants: tuple[str, ...]


TypeDef = Struct | Enum

_PLAIN: dict[str, Type] = {
    "bool": Bool(),
    "address": Address(),
    "bytes": Bytes(),
    "string": Text(),
    "bytes32": FixedBytes(32),
    "hash32": FixedBytes(32),
}
for _bits in (8, 16, 32, 64, 128):
    _PLAIN[f"uint{_bits}"] = _PLAIN[f"u{_bits}"] = Int(_bits)
    _PLAIN[f"int{_bits}"] = _PLAIN[f"i{_bits}"] = Int(_bits, signed=True)


def is_name(text: str) -> bool:
    """Whether a text can name a function, field, type, event or variant: an ASCII identifier of at most 64 characters."""
    return text.isascii() and text.isidentifier() and len(text) <= 64


def parse_type(text: str, _depth: int = 0) -> Type:
    """The type that a manifest's text names. Raises D604."""
    word = text.strip()
    if word in _PLAIN:
        return _PLAIN[word]
    for prefix, make in (("vec(", Vec), ("option(", Option)):
        if word.startswith(prefix) and word.endswith(")"):
            if _depth >= MAX_NESTING - 1:
                raise EncodingError("type_unknown", f"the type nests deeper than {MAX_NESTING}")
            return make(parse_type(word[len(prefix) : -1], _depth + 1))
    if word.startswith("struct(") and word.endswith(")"):
        word = word[7:-1].strip()
    if word[:1].isupper() and is_name(word):
        return Custom(word)
    raise EncodingError(
        "type_unknown", f"{text!r} is not a type: uint8 to uint128, int8 to int128, bool, address, bytes32, bytes, string, vec(T)"
    )


def width(ty: Type) -> int | None:
    """Length of every value of a type in bytes, or None when it varies (and for custom types, which are not looked up here)."""
    match ty:
        case Int(bits):
            return bits // 8
        case Bool():
            return 1
        case Address():
            return 32
        case FixedBytes(size):
            return size
        case _:
            return None


def event_name(ty: Type) -> str:
    """A type's name in the canonical signature of an event."""
    match ty:
        case Vec(item):
            return f"{event_name(item)}[]"
        case Option(item):
            return f"option<{event_name(item)}>"
        case Map(key, value):
            return f"map<{event_name(key)},{event_name(value)}>"
        case _:
            return str(ty)


def customs(ty: Type) -> Iterator[str]:
    """The names of custom types that a type mentions."""
    match ty:
        case Custom(name):
            yield name
        case Vec(item) | Option(item):
            yield from customs(item)
        case Map(key, value):
            yield from customs(key)
            yield from customs(value)
        case _:
            pass
