"""Blocks and their costs: the rest of section 2.

`Charges` is what the interpreter consumes: the fuel taken on each arrival at an operator, before it executes, and the fuel that an
activation standing at an operator gets back at a trap. Blocks give one such pair of tables; `accounting` gives another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checker import Shape
from .module import Module
from .reachability import Reach
from .schedule import Schedule

CUTTING_OPERATORS = frozenset({"call_indirect"})


@dataclass(frozen=True, slots=True)
class Charges:
    """Fuel, by index of operator. Unreachable operators have 0; nothing arrives at them."""

    taken: list[int]
    refunded: list[int]


def cutting_functions(module: Module, shapes: Sequence[Shape], reaches: Sequence[Reach]) -> frozenset[int]:
    """Functions a direct call of which cuts: imports, and those that reach an import or an indirect call by direct calls."""
    imported = len(module.imported_functions)
    cutting = set(range(imported))
    callers: dict[int, list[int]] = {}
    for index, (shape, found) in enumerate(zip(shapes, reaches, strict=True), imported):
        for operator, live in zip(shape.function.body, found.operators, strict=True):
            if live and operator.name == "call":
                callers.setdefault(operator.immediates[0], []).append(index)
            elif live and operator.name in CUTTING_OPERATORS:
                cutting.add(index)
    pending = list(cutting)
    while pending:
        for caller in callers.get(pending.pop(), ()):
            if caller not in cutting:
                cutting.add(caller)
                pending.append(caller)
    return frozenset(cutting)


def block_starts(shape: Shape, found: Reach, cutting: frozenset[int]) -> list[int]:
    """Index of the first operator of each block, in program order."""
    starts = [0]
    last = len(shape.function.body) - 1
    for position, operator in enumerate(shape.function.body[:last]):
        if not found.after[position]:
            continue
        match operator.name:
            case "loop" | "if" | "else" | "br_if" | "call_indirect":
                begins = True
            case "call":
                begins = operator.immediates[0] in cutting
            case "end":
                construct = shape.constructs[position]
                begins = construct.kind == "if" or (construct.kind == "block" and construct in found.targeted)
            case _:
                begins = False
        if begins:
            starts.append(position + 1)
    return starts


def block_charges(shape: Shape, found: Reach, cutting: frozenset[int], schedule: Schedule) -> Charges:
    """Each block whole at its first operator; back comes what follows in the block, never an addition."""
    body = shape.function.body
    taken = [0] * len(body)
    refunded = [0] * len(body)
    starts = block_starts(shape, found, cutting)
    for start, next_start in zip(starts, [*starts[1:], len(body)], strict=True):
        cost = 0
        for position in reversed(range(start, next_start)):
            if found.operators[position]:
                refunded[position] = cost
                cost += schedule.price(body[position].name)
        if cost == 0 and start > 0 and body[start - 1].name == "loop":
            cost = 1
        taken[start] = cost
    taken[0] += schedule.function.entry + schedule.function.local * len(shape.function.locals)
    return Charges(taken, refunded)
