"""The total decoder of core modules: any bytes give a `Module` or raise `MalformedModule`. No recursion, no unbounded expansion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .errors import MalformedModule
from .module import (
    DataSegment,
    ElementSegment,
    Export,
    Expression,
    Function,
    FunctionType,
    Global,
    GlobalType,
    Import,
    Module,
    Operator,
    Size,
    TableType,
    ValueType,
)
from .operators import IMMEDIATES, NAMES, PREFIX, TYPED_SELECT
from .reader import Reader

MAGIC = b"\0asm\1\0\0\0"
MAX_LOCALS = 50_000
"""Declared locals of one function, far above the gate's limit: a few bytes must not make the decoder allocate gigabytes."""

SECTIONS = ["", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count"]
ORDER = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11]
KINDS = ["func", "table", "memory", "global"]
EMPTY_BLOCK = 0x40
VALUE_TYPES = frozenset(int(type_) for type_ in ValueType)

_T = TypeVar("_T")


def decode(wasm: bytes) -> Module:
    """Decodes a module. Raises `MalformedModule`."""
    return _Decoder(bytes(wasm)).decode()


class _Decoder:
    def __init__(self, wasm: bytes) -> None:
        self.reader = Reader(wasm)
        self.module = Module()
        self.signatures: list[int] = []
        self.data_count: int | None = None

    def decode(self) -> Module:
        reader = self.reader
        if reader.data[:8] != MAGIC:
            raise MalformedModule(0, "magic header or version not recognised")
        reader.position = 8
        last = -1
        while not reader.exhausted:
            at = reader.position
            code = reader.byte()
            content = reader.part(reader.u32())
            if code == 0:
                content.name()
                continue
            if code >= len(SECTIONS):
                raise MalformedModule(at, f"malformed section id {code}")
            if ORDER.index(code) <= last:
                raise MalformedModule(at, f"{SECTIONS[code]} section repeated or out of order")
            last = ORDER.index(code)
            self.section(code, content)
            if not content.exhausted:
                raise content.malformed("section size mismatch")
        if len(self.module.functions) != len(self.signatures):
            raise reader.malformed("function and code section have inconsistent lengths")
        if self.data_count is not None and self.data_count != len(self.module.data):
            raise reader.malformed("data count and data section have inconsistent lengths")
        return self.module

    def section(self, code: int, reader: Reader) -> None:
        module = self.module
        match SECTIONS[code]:
            case "type":
                module.types = _vector(reader, _function_type)
            case "import":
                module.imports = _vector(reader, _import)
            case "function":
                self.signatures = _vector(reader, Reader.u32)
            case "table":
                module.tables = _vector(reader, _table_type)
            case "memory":
                module.memories = _vector(reader, _size)
            case "global":
                module.globals = _vector(reader, _global)
            case "export":
                module.exports = _vector(reader, _export)
            case "start":
                module.start = reader.u32()
            case "element":
                module.elements = _vector(reader, _element_segment)
            case "data count":
                self.data_count = reader.u32()
            case "code":
                self.code(reader)
            case _:
                module.data = _vector(reader, _data_segment)

    def code(self, reader: Reader) -> None:
        self.module.code_bytes = reader.end - reader.position
        count = reader.u32()
        if count != len(self.signatures):
            raise reader.malformed("function and code section have inconsistent lengths")
        for signature in self.signatures:
            body = reader.part(reader.u32())
            offset = body.position
            locals_ = _locals(body)
            operators = _expression(body)
            if not body.exhausted:
                raise body.malformed("END opcode expected")
            if self.data_count is None:
                for operator in operators:
                    if operator.name in ("memory.init", "data.drop"):
                        raise MalformedModule(operator.offset, "data count section required")
            self.module.functions.append(Function(signature, locals_, operators, offset))


def _vector(reader: Reader, item: Callable[[Reader], _T]) -> list[_T]:
    return [item(reader) for _ in range(reader.u32())]


def _value_type(reader: Reader) -> ValueType:
    at = reader.position
    try:
        return ValueType(reader.byte())
    except ValueError as error:
        raise MalformedModule(at, "malformed value type") from error


def _reference_type(reader: Reader) -> ValueType:
    at = reader.position
    type_ = _value_type(reader)
    if not type_.is_reference:
        raise MalformedModule(at, "malformed reference type")
    return type_


def _function_type(reader: Reader) -> FunctionType:
    if reader.byte() != 0x60:
        raise reader.malformed("malformed function type")
    return FunctionType(tuple(_vector(reader, _value_type)), tuple(_vector(reader, _value_type)))


def _size(reader: Reader) -> Size:
    flag = reader.byte()
    if flag > 1:
        raise reader.malformed("malformed limits flags")
    return Size(reader.u32(), reader.u32() if flag else None)


def _table_type(reader: Reader) -> TableType:
    return TableType(_reference_type(reader), _size(reader))


def _global_type(reader: Reader) -> GlobalType:
    value = _value_type(reader)
    flag = reader.byte()
    if flag > 1:
        raise reader.malformed("malformed mutability")
    return GlobalType(value, flag == 1)


def _import(reader: Reader) -> Import:
    offset = reader.position
    module, name, kind = reader.name(), reader.name(), reader.byte()
    readers: list[Callable[[Reader], int | TableType | Size | GlobalType]] = [Reader.u32, _table_type, _size, _global_type]
    if kind >= len(readers):
        raise reader.malformed("malformed import kind")
    return Import(module, name, readers[kind](reader), offset)


def _global(reader: Reader) -> Global:
    return Global(_global_type(reader), _expression(reader))


def _export(reader: Reader) -> Export:
    offset = reader.position
    name, kind = reader.name(), reader.byte()
    if kind >= len(KINDS):
        raise reader.malformed("malformed export kind")
    return Export(name, KINDS[kind], reader.u32(), offset)


def _element_segment(reader: Reader) -> ElementSegment:
    offset = reader.position
    flags = reader.u32()
    if flags > 7:
        raise reader.malformed("malformed elements segment kind")
    mode = "active" if not flags & 1 else "declarative" if flags & 2 else "passive"
    table = reader.u32() if mode == "active" and flags & 2 else 0
    place = _expression(reader) if mode == "active" else ()
    type_ = ValueType.FUNCREF
    if flags & 3:
        if flags & 4:
            type_ = _reference_type(reader)
        elif reader.byte() != 0:
            raise reader.malformed("malformed element kind")
    entries = _vector(reader, _expression if flags & 4 else _function_entry)
    return ElementSegment(mode, table, place, type_, tuple(entries), offset)


def _function_entry(reader: Reader) -> Expression:
    at = reader.position
    return (Operator("ref.func", (reader.u32(),), at), Operator("end", (), at))


def _data_segment(reader: Reader) -> DataSegment:
    offset = reader.position
    flags = reader.u32()
    if flags > 2:
        raise reader.malformed("malformed data segment kind")
    memory = reader.u32() if flags == 2 else 0
    place = _expression(reader) if flags != 1 else ()
    return DataSegment("passive" if flags == 1 else "active", memory, place, reader.take(reader.u32()), offset)


def _locals(reader: Reader) -> tuple[ValueType, ...]:
    found: list[ValueType] = []
    for _ in range(reader.u32()):
        count = reader.u32()
        type_ = _value_type(reader)
        if len(found) + count > MAX_LOCALS:
            raise reader.malformed("too many locals")
        found += [type_] * count
    return tuple(found)


def _expression(reader: Reader) -> Expression:
    """Operators up to and including the `end` that closes the expression."""
    operators: list[Operator] = []
    openers: list[str] = []
    while True:
        operator = _operator(reader)
        operators.append(operator)
        name = operator.name
        if name in ("block", "loop", "if"):
            openers.append(name)
        elif name == "else":
            if not openers or openers[-1] != "if":
                raise MalformedModule(operator.offset, "else without if")
            openers[-1] = name
        elif name == "end":
            if not openers:
                return tuple(operators)
            openers.pop()


def _operator(reader: Reader) -> Operator:
    offset = reader.position
    code = reader.byte()
    if code == PREFIX:
        code = PREFIX << 8 | min(reader.u32(), 0xFF)
    name = NAMES.get(code)
    if name is None:
        raise MalformedModule(offset, f"illegal opcode {code:#x}")
    if code == TYPED_SELECT:
        types = _vector(reader, _value_type)
        return Operator(name, (len(types), *types), offset)
    immediates: list[int] = []
    kinds = IMMEDIATES.get(name, "").split()
    if kinds[:1] == ["vector"]:
        immediates = _vector(reader, IMMEDIATE[kinds[1]])
        kinds = kinds[1:]
    immediates += [IMMEDIATE[kind](reader) for kind in kinds]
    return Operator(name, tuple(immediates), offset)


def _zero(reader: Reader) -> int:
    if reader.byte() != 0:
        raise reader.malformed("zero byte expected")
    return 0


def _alignment(reader: Reader) -> int:
    exponent = reader.u32()
    if exponent >= 32:
        raise reader.malformed("malformed alignment")
    return exponent


def _block_type(reader: Reader) -> int:
    at = reader.position
    first = reader.byte()
    if first == EMPTY_BLOCK or first in VALUE_TYPES:
        return first - 0x80
    reader.position = at
    code = reader.s33()
    if code < 0:
        raise MalformedModule(at, "malformed block type")
    return code


IMMEDIATE: dict[str, Callable[[Reader], int]] = {
    "index": Reader.u32,
    "alignment": _alignment,
    "zero": _zero,
    "s32": Reader.s32,
    "s64": Reader.s64,
    "bits32": lambda reader: reader.little(4),
    "bits64": lambda reader: reader.little(8),
    "blocktype": _block_type,
    "reference": _reference_type,
}
"""How each kind of immediate is read."""
