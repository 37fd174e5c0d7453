"""The second accountant: every operator is charged when it executes, alone. No blocks, no prepayment, no refunds.

Section 3 promises that for every outcome but out of gas both accountants agree; tests hold them against each other on whole programs.
"""

from __future__ import annotations

from .blocks import Charges
from .checker import Shape
from .reachability import Reach
from .schedule import Schedule

CUTS = frozenset({"loop", "if", "else", "br", "br_if", "br_table", "return", "unreachable", "call_indirect"})
"""Operators that always end the block they belong to."""


def operator_charges(shape: Shape, found: Reach, cutting: frozenset[int], schedule: Schedule) -> Charges:
    """Charges of single operators, with the additions of section 2 where they fall due."""
    body = shape.function.body
    taken = [schedule.price(operator.name) if live else 0 for operator, live in zip(body, found.operators, strict=True)]
    for position, operator in enumerate(body):
        if operator.name == "loop" and found.operators[position] and _free_round(shape, found, cutting, position + 1, schedule):
            taken[position + 1] += 1
    taken[0] += schedule.function.entry + schedule.function.local * len(shape.function.locals)
    return Charges(taken, [0] * len(body))


def _free_round(shape: Shape, found: Reach, cutting: frozenset[int], position: int, schedule: Schedule) -> bool:
    """Whether control goes from the head of a loop to the next cut past operators that all cost nothing."""
    for at, operator in enumerate(shape.function.body[position:], position):
        if schedule.price(operator.name) > 0:
            return False
        if operator.name in CUTS or (operator.name == "call" and operator.immediates[0] in cutting):
            return True
        if operator.name == "end":
            construct = shape.constructs[at]
            if construct.kind == "if" or (construct.kind == "block" and construct in found.targeted):
                return True
    return True
