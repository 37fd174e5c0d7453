"""A decoded module: what `binary` produces and everything else reads. Indexes are as encoded; `validation` makes them trustworthy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class ValueType(IntEnum):
    """A value type, by its encoding."""

    I32 = 0x7F
    I64 = 0x7E
    F32 = 0x7D
    F64 = 0x7C
    FUNCREF = 0x70
    EXTERNREF = 0x6F

    @property
    def is_reference(self) -> bool:
        """Whether values are references rather than numbers."""
        return self <= ValueType.FUNCREF


@dataclass(frozen=True, slots=True)
class FunctionType:
    """Types are compared by structure."""

    params: tuple[ValueType, ...]
    results: tuple[ValueType, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """Limits of a memory (pages of 64 KiB) or table (elements)."""

    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class TableType:
    """A table."""

    element: ValueType
    size: Size


@dataclass(frozen=True, slots=True)
class GlobalType:
    """A global."""

    value: ValueType
    mutable: bool


class Operator(NamedTuple):
    """One operator of a body. `immediates` are integers in the order of the encoding; float constants are their bits."""

    name: str
    immediates: tuple[int, ...]
    offset: int


Expression = tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """An import. `type` is a type index for functions."""

    module: str
    name: str
    type: int | TableType | Size | GlobalType
    offset: int


@dataclass(frozen=True, slots=True)
class Export:
    """An export; `kind` is func, table, memory or global."""

    name: str
    kind: str
    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class Function:
    """A defined function: type index, declared locals (parameters not included), operators up to its closing `end`."""

    type: int
    locals: tuple[ValueType, ...]
    body: Expression
    offset: int


@dataclass(frozen=True, slots=True)
class Global:
    """A defined global."""

    type: GlobalType
    value: Expression


@dataclass(frozen=True, slots=True)
class ElementSegment:
    """Each entry is a constant expression, whichever form it was encoded in. `mode` is active, passive or declarative."""

    mode: str
    table: int
    place: Expression
    type: ValueType
    entries: tuple[Expression, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class DataSegment:
    """`place` is the offset expression, empty if passive."""

    mode: str
    memory: int
    place: Expression
    content: bytes
    offset: int


@dataclass(slots=True)
class Module:
    """A whole module."""

    types: list[FunctionType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    tables: list[TableType] = field(default_factory=list)
    memories: list[Size] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elements: list[ElementSegment] = field(default_factory=list)
    data: list[DataSegment] = field(default_factory=list)
    code_bytes: int = 0
    """Size of the code section's contents."""

    @property
    def imported_functions(self) -> list[Import]:
        """Imports of functions, in index order."""
        return [imported for imported in self.imports if isinstance(imported.type, int)]

    def function_types(self) -> list[FunctionType]:
        """The type of every function of the index space: imports, then definitions."""
        imported = [imported.type for imported in self.imports if isinstance(imported.type, int)]
        return [self.types[index] for index in imported + [function.type for function in self.functions]]

    def block_type(self, code: int) -> FunctionType:
        """The type of a block: a type index, or the encoding of at most one result (negative, as a signed 33-bit number)."""
        if code >= 0:
            return self.types[code]
        return FunctionType((), () if code == -64 else (ValueType(code & 0x7F),))
