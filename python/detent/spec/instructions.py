"""The step of every operator: numeric ones from `numeric`, memories and tables from `bulk`, control and variables here.

A handler takes what is known before execution, the machine and the activation; `partial` makes it a `Step`.
"""
# ruff: noqa: ARG001 (handlers share one signature)

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .bulk import MEMORY_AND_TABLE, Access, load, store
from .checker import Construct, Shape
from .ends import Trap, TrapKind
from .errors import BrokenInvariant
from .instance import NULL
from .interpreter import Activation, Machine
from .module import FunctionType, Module, Operator
from .numeric import BINARY, UNARY
from .operators import ACCESSES
from .program import Step
from .reachability import Reach

Immediates = tuple[int, ...]


def steps_of(shape: Shape, found: Reach, module: Module) -> list[Step]:
    """One step for each operator of a body; unreachable ones get `impossible`."""
    return [
        _step(shape, position, operator, module) if live else impossible
        for position, (operator, live) in enumerate(zip(shape.function.body, found.operators, strict=True))
    ]


def impossible(machine: Machine, activation: Activation) -> int | None:
    """Of an operator that section 2 calls unreachable."""
    raise BrokenInvariant(f"operator {activation.position} of function {activation.code.index} was reached")


def leave(machine: Machine, activation: Activation) -> int | None:
    """Follows the last operator of a body, and is where branches to the function lead."""
    machine.leave(activation)
    return None


def _step(shape: Shape, position: int, operator: Operator, module: Module) -> Step:
    name, immediates, _ = operator
    if name in UNARY:
        return partial(_unary, UNARY[name])
    if name in BINARY:
        return partial(_binary, BINARY[name])
    if name in ACCESSES:
        return partial(store if ".store" in name else load, Access.of(name, immediates))
    if name in MEMORY_AND_TABLE:
        return partial(MEMORY_AND_TABLE[name], immediates)
    if name in PLAIN:
        return partial(PLAIN[name], immediates)
    match name:
        case "if":
            return partial(_if, shape.constructs[position])
        case "else":
            return partial(_go, shape.constructs[position].end + 1)
        case "br" | "return":
            return partial(_branch, shape.targets[position][0])
        case "br_if":
            return partial(_branch_if, shape.targets[position][0])
        case "br_table":
            return partial(_branch_table, shape.targets[position])
        case "call_indirect":
            return partial(_call_indirect, module.types[immediates[0]], immediates[1])
    raise BrokenInvariant(f"no step for {name}")


def _unary(function: Callable[[int], int], machine: Machine, activation: Activation) -> None:
    stack = activation.stack
    stack[-1] = function(stack[-1])


def _binary(function: Callable[[int, int], int], machine: Machine, activation: Activation) -> None:
    stack = activation.stack
    second = stack.pop()
    stack[-1] = function(stack[-1], second)


# Control. A handler gives the operator to go on with, or None for the next one.


def _nothing(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    return


def _unreachable(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    raise Trap(TrapKind.UNREACHABLE)


def _go(position: int, machine: Machine, activation: Activation) -> int:
    return position


def _if(construct: Construct, machine: Machine, activation: Activation) -> int | None:
    if activation.stack.pop():
        return None
    return (construct.end if construct.middle is None else construct.middle) + 1


def _branch(construct: Construct, machine: Machine, activation: Activation) -> int:
    """Keeps the operands that the branch carries, drops those above the construct's height."""
    stack = activation.stack
    del stack[construct.height : len(stack) - construct.arity]
    return construct.continuation


def _branch_if(construct: Construct, machine: Machine, activation: Activation) -> int | None:
    return _branch(construct, machine, activation) if activation.stack.pop() else None


def _branch_table(constructs: tuple[Construct, ...], machine: Machine, activation: Activation) -> int:
    index = min(activation.stack.pop(), len(constructs) - 1)
    return _branch(constructs[index], machine, activation)


def _call(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    machine.call(activation, immediates[0])


def _call_indirect(wanted: FunctionType, table_index: int, machine: Machine, activation: Activation) -> None:
    table = machine.instance.tables[table_index]
    function = table.elements[table.range(activation.stack.pop(), 1)][0]
    if function == NULL:
        raise Trap(TrapKind.INDIRECT_CALL_TO_NULL)
    if machine.program.types[function] != wanted:
        raise Trap(TrapKind.BAD_SIGNATURE)
    machine.call(activation, function)


# Constants, locals, globals, references.


def _constant32(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(immediates[0] & 0xFFFFFFFF)


def _constant64(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(immediates[0] & 0xFFFFFFFFFFFFFFFF)


def _drop(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.pop()


def _select(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    condition, second = activation.stack.pop(), activation.stack.pop()
    if not condition:
        activation.stack[-1] = second


def _local_get(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(activation.locals[immediates[0]])


def _local_set(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.locals[immediates[0]] = activation.stack.pop()


def _local_tee(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.locals[immediates[0]] = activation.stack[-1]


def _global_get(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(machine.instance.globals[immediates[0]])


def _global_set(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    machine.instance.globals[immediates[0]] = activation.stack.pop()


def _ref_null(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(NULL)


def _ref_func(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(immediates[0])


def _ref_is_null(immediates: Immediates, machine: Machine, activation: Activation) -> None:
    activation.stack.append(int(activation.stack.pop() == NULL))


PLAIN: dict[str, Callable[[Immediates, Machine, Activation], None]] = {
    "block": _nothing,
    "loop": _nothing,
    "nop": _nothing,
    "end": _nothing,
    "unreachable": _unreachable,
    "call": _call,
    "i32.const": _constant32,
    "f32.const": _constant32,
    "i64.const": _constant64,
    "f64.const": _constant64,
    "drop": _drop,
    "select": _select,
    "local.get": _local_get,
    "local.set": _local_set,
    "local.tee": _local_tee,
    "global.get": _global_get,
    "global.set": _global_set,
    "ref.null": _ref_null,
    "ref.func": _ref_func,
    "ref.is_null": _ref_is_null,
}
