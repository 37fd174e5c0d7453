"""What an execution changes: memory, tables, globals, dropped segments. Values are unsigned integers; a null reference is -1."""

from __future__ import annotations

from .ends import Trap, TrapKind
from .errors import NotAdmitted
from .module import Expression, Module, Size, TableType, ValueType
from .schedule import Limits, Schedule

PAGE = 65536
NULL = -1


class Memory:
    """A linear memory."""

    def __init__(self, size: Size, limit: int) -> None:
        self.content = bytearray(size.minimum * PAGE)
        self.maximum = limit if size.maximum is None else min(size.maximum, limit)

    @property
    def pages(self) -> int:
        """Present size."""
        return len(self.content) // PAGE

    def grow(self, delta: int) -> None:
        """Adds pages; the caller has checked the limits."""
        self.content.extend(bytes(delta * PAGE))

    def range(self, address: int, length: int) -> slice:
        """A range of bytes, or a trap if any of it is outside."""
        if address + length > len(self.content):
            raise Trap(TrapKind.MEMORY_OUT_OF_BOUNDS, f"bytes {address} to {address + length} of {len(self.content)}")
        return slice(address, address + length)

    @staticmethod
    def within(segment: bytes, start: int, length: int) -> bytes:
        """A part of a data segment, or a trap if any of it is outside."""
        if start + length > len(segment):
            raise Trap(TrapKind.MEMORY_OUT_OF_BOUNDS, f"bytes {start} to {start + length} of a segment of {len(segment)}")
        return segment[start : start + length]


class Table:
    """A table of references: function indexes, or whatever a host uses for external ones."""

    def __init__(self, type_: TableType, limit: int) -> None:
        self.elements = [NULL] * type_.size.minimum
        self.maximum = limit if type_.size.maximum is None else min(type_.size.maximum, limit)

    def range(self, index: int, length: int) -> slice:
        """A range of elements, or a trap if any of it is outside."""
        if index + length > len(self.elements):
            raise Trap(TrapKind.TABLE_OUT_OF_BOUNDS, f"elements {index} to {index + length} of {len(self.elements)}")
        return slice(index, index + length)

    @staticmethod
    def within(segment: list[int], start: int, length: int) -> list[int]:
        """A part of an element segment, or a trap if any of it is outside."""
        if start + length > len(segment):
            raise Trap(TrapKind.TABLE_OUT_OF_BOUNDS, f"elements {start} to {start + length} of a segment of {len(segment)}")
        return segment[start : start + length]


class Instance:
    """A fresh instance of an admitted module, segments not yet applied."""

    def __init__(self, module: Module, limits: Limits) -> None:
        admit(module, limits)
        self.memory = Memory(module.memories[0], limits.memory_pages) if module.memories else None
        self.tables = [Table(type_, limits.table_elements) for type_ in module.tables]
        self.globals: list[int] = []
        for defined in module.globals:
            self.globals.append(self.constant(defined.value))
        self.elements = [[self.constant(entry) for entry in segment.entries] for segment in module.elements]
        self.data = [segment.content for segment in module.data]

    def constant(self, expression: Expression) -> int:
        """The value of a constant expression, as bits."""
        operator = expression[0]
        match operator.name:
            case "ref.null":
                return NULL
            case "ref.func" | "f32.const" | "f64.const":
                return operator.immediates[0]
            case "i32.const":
                return operator.immediates[0] & 0xFFFFFFFF
            case "i64.const":
                return operator.immediates[0] & 0xFFFFFFFFFFFFFFFF
            case _:
                return self.globals[operator.immediates[0]]

    def apply_segments(self, module: Module) -> None:
        """Copies active segments, elements before data, and drops them. Traps at the first that does not fit."""
        for index, element in enumerate(module.elements):
            if element.mode == "active":
                entries = self.elements[index]
                table = self.tables[element.table]
                table.elements[table.range(self.constant(element.place), len(entries))] = entries
            if element.mode != "passive":
                self.elements[index] = []
        for index, segment in enumerate(module.data):
            if segment.mode == "active":
                memory = self.linear_memory
                memory.content[memory.range(self.constant(segment.place), len(segment.content))] = segment.content
                self.data[index] = b""

    @property
    def linear_memory(self) -> Memory:
        """The memory that validation promised."""
        if self.memory is None:
            raise Trap(TrapKind.MEMORY_OUT_OF_BOUNDS, "the module has no memory")
        return self.memory


def admit(module: Module, limits: Limits) -> None:
    """What execution takes for granted of the gate. Raises `NotAdmitted`."""
    if len(module.imports) != len(module.imported_functions):
        raise NotAdmitted("only functions may be imported")
    for memory in module.memories:
        if memory.minimum > limits.memory_pages:
            raise NotAdmitted(f"initial memory of {memory.minimum} pages exceeds limits.memory_pages")
    for table in module.tables:
        if table.size.minimum > limits.table_elements:
            raise NotAdmitted(f"initial table of {table.size.minimum} elements exceeds limits.table_elements")


def instance_charge(module: Module, schedule: Schedule) -> int:
    """The charge of section 4, in fuel."""
    prices = schedule.instance
    return (
        prices.base
        + prices.memory_page * sum(memory.minimum for memory in module.memories)
        + prices.data_word * words(sum(len(segment.content) for segment in module.data))
        + prices.element * sum(len(segment.entries) for segment in module.elements)
        + prices.global_ * len(module.globals)
        + prices.code_word * words(module.code_bytes)
    )


def words(count: int) -> int:
    """Started 8-byte words."""
    return -(-count // 8)


def bits(type_: ValueType, value: int) -> int:
    """An argument as the unsigned bits of its type; references as they are."""
    if type_.is_reference:
        return value
    return value & (0xFFFFFFFF if type_ in (ValueType.I32, ValueType.F32) else 0xFFFFFFFFFFFFFFFF)
