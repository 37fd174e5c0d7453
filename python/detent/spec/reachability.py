"""Which operators can be reached, and which constructs a reachable branch targets: the first paragraph of section 2."""

from __future__ import annotations

from dataclasses import dataclass

from .checker import Construct, Shape

DIVERTING = frozenset({"br", "br_table", "return", "unreachable"})
"""After these nothing is reached up to the `else` or `end` that closes the construct."""

OPENING = frozenset({"block", "loop", "if"})


@dataclass(frozen=True, slots=True)
class Reach:
    """`operators[i]` says whether operator i is reached, `after[i]` whether what follows it in program order is."""

    operators: list[bool]
    after: list[bool]
    targeted: frozenset[Construct]
    """Constructs that a reachable branch names (loops and the function included)."""


@dataclass(slots=True)
class _Open:
    construct: Construct
    entered: bool
    """Whether the operator that opens it is reached."""
    first_arm_ends: bool = False
    """Whether the arm before `else` falls through to the end."""


def reach(shape: Shape) -> Reach:
    """One pass: a branch always comes before the end of what it targets."""
    operators: list[bool] = []
    after: list[bool] = []
    targeted: set[Construct] = set()
    open_: list[_Open] = [_Open(shape.constructs[-1], True)]
    live = True
    for position, operator in enumerate(shape.function.body):
        operators.append(live)
        if live:
            targeted.update(shape.targets.get(position, ()))
        name = operator.name
        if name in OPENING:
            open_.append(_Open(shape.constructs[position], live))
        elif name == "else":
            open_[-1].first_arm_ends = live
            live = open_[-1].entered
        elif name == "end":
            live |= _continues(open_.pop(), targeted)
        elif name in DIVERTING:
            live = False
        after.append(live)
    return Reach(operators, after, frozenset(targeted))


def _continues(closed: _Open, targeted: set[Construct]) -> bool:
    """Whether the code after an `end` is reached other than by falling through to that `end`."""
    construct = closed.construct
    if construct.kind == "if" and construct.middle is None and closed.entered:
        return True
    return closed.first_arm_ends or (construct.kind != "loop" and construct in targeted)
