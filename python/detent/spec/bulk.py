"""Memory and table operators. Dynamic charges come first, then the bounds check, then the effect (section 1)."""
# ruff: noqa: ARG001 (handlers share one signature)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .instance import words
from .integers import signed
from .interpreter import Activation, Machine
from .module import ValueType
from .operators import ACCESSES

FAILED = 0xFFFFFFFF
"""What a refused `memory.grow` or `table.grow` gives: -1."""

Immediates = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """A load or store: the mask of the value type, bytes accessed, whether the sign extends, the static offset."""

    mask: int
    size: int
    extends: bool
    offset: int

    @staticmethod
    def of(name: str, immediates: Immediates) -> Access:
        """Of an operator; its immediates are alignment and offset."""
        type_, size, extends = ACCESSES[name]
        mask = 0xFFFFFFFF if type_ in (ValueType.I32, ValueType.F32) else 0xFFFFFFFFFFFFFFFF
        return Access(mask, size, extends, immediates[1])


def load(access: Access, machine: Machine, activation: Activation) -> None:
    """Extended to the bits of the type; the effective address does not wrap."""
    memory = machine.instance.linear_memory
    size = access.size
    value = int.from_bytes(memory.content[memory.range(activation.stack[-1] + access.offset, size)], "little")
    activation.stack[-1] = signed(value, 8 * size) & access.mask if access.extends else value


def store(access: Access, machine: Machine, activation: Activation) -> None:
    """Of the low bytes."""
    value, address = activation.stack.pop(), activation.stack.pop()
    memory = machine.instance.linear_memory
    size = access.size
    memory.content[memory.range(address + access.offset, size)] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _pop3(activation: Activation) -> tuple[int, int, int]:
    """The three operands of a bulk operator, in order; the last is the length."""
    length, source, target = activation.stack.pop(), activation.stack.pop(), activation.stack.pop()
    return target, source, length


def _charge_words(machine: Machine, length: int) -> None:
    machine.charge(words(length) * machine.program.schedule.dynamic.memory_word)


def _charge_elements(machine: Machine, count: int) -> None:
    machine.charge(count * machine.program.schedule.dynamic.table_element)


def _memory_size(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(machine.instance.linear_memory.pages)


def _memory_grow(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    delta = activation.stack.pop()
    schedule = machine.program.schedule
    machine.charge(min(delta, schedule.limits.memory_pages + 1) * schedule.dynamic.memory_page)
    memory = machine.instance.linear_memory
    size = memory.pages
    if delta and (size + delta > memory.maximum or delta > machine.pages):
        activation.stack.append(FAILED)
        return
    machine.pages -= delta
    memory.grow(delta)
    activation.stack.append(size)


def _memory_copy(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    target, source, length = _pop3(activation)
    _charge_words(machine, length)
    memory = machine.instance.linear_memory
    content = memory.content[memory.range(source, length)]  # a copy, so that overlapping is no matter
    memory.content[memory.range(target, length)] = content


def _memory_fill(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    target, value, length = _pop3(activation)
    _charge_words(machine, length)
    memory = machine.instance.linear_memory
    place = memory.range(target, length)
    memory.content[place] = bytes([value & 0xFF]) * length


def _memory_init(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    target, source, length = _pop3(activation)
    _charge_words(machine, length)
    memory = machine.instance.linear_memory
    place = memory.range(target, length)
    memory.content[place] = memory.within(machine.instance.data[immediates[0]], source, length)


def _data_drop(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    machine.instance.data[immediates[0]] = b""


def _elem_drop(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    machine.instance.elements[immediates[0]] = []


def _table_init(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    target, source, length = _pop3(activation)
    _charge_elements(machine, length)
    table = machine.instance.tables[immediates[1]]
    place = table.range(target, length)
    table.elements[place] = table.within(machine.instance.elements[immediates[0]], source, length)


def _table_copy(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    target, source, length = _pop3(activation)
    _charge_elements(machine, length)
    to_table, from_table = (machine.instance.tables[index] for index in immediates)
    content = from_table.elements[from_table.range(source, length)]
    to_table.elements[to_table.range(target, length)] = content


def _table_fill(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    target, value, length = _pop3(activation)
    _charge_elements(machine, length)
    table = machine.instance.tables[immediates[0]]
    place = table.range(target, length)
    table.elements[place] = [value] * length


def _table_grow(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    delta, value = activation.stack.pop(), activation.stack.pop()
    _charge_elements(machine, delta)
    table = machine.instance.tables[immediates[0]]
    size = len(table.elements)
    if size + delta > table.maximum:
        activation.stack.append(FAILED)
        return
    table.elements += [value] * delta
    activation.stack.append(size)


def _table_size(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(len(machine.instance.tables[immediates[0]].elements))


def _table_get(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    table = machine.instance.tables[immediates[0]]
    activation.stack += table.elements[table.range(activation.stack.pop(), 1)]


def _table_set(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    value, index = activation.stack.pop(), activation.stack.pop()
    table = machine.instance.tables[immediates[0]]
    table.elements[table.range(index, 1)] = [value]


MEMORY_AND_TABLE: dict[str, Callable[[Immediates, Machine, Activation], None]] = {
    "memory.size": _memory_size,
    "memory.grow": _memory_grow,
    "memory.copy": _memory_copy,
    "memory.fill": _memory_fill,
    "memory.init": _memory_init,
    "data.drop": _data_drop,
    "elem.drop": _elem_drop,
    "table.init": _table_init,
    "table.copy": _table_copy,
    "table.fill": _table_fill,
    "table.grow": _table_grow,
    "table.size": _table_size,
    "table.get": _table_get,
    "table.set": _table_set,
}
