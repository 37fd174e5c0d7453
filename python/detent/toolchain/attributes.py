"""Attributes of functions: their bits in the ABI section and which of them go together."""

from __future__ import annotations

from collections.abc import Collection, Iterator

BITS = {"view": 1, "payable": 2, "reentrant": 4, "sponsored": 8, "constructor": 16, "fallback": 32, "receive": 64, "entry": 128}
"""In the order of their bits, which is also the order in which tools print them."""

REACHABLE = ("entry", "fallback", "receive", "constructor")
"""A function with none of these can never run."""

UNIQUE = ("constructor", "fallback", "receive")
"""At most one function of a contract has each of these."""

_ILLEGAL = (
    *(("view", other) for other in ("payable", "constructor", "reentrant", "sponsored", "fallback", "receive")),
    *(("constructor", other) for other in ("reentrant", "sponsored", "fallback", "receive")),
    ("fallback", "receive"),
    ("receive", "reentrant"),
)
_RISKY = (("payable", "reentrant"), ("sponsored", "reentrant"))


def illegal(attributes: Collection[str]) -> Iterator[str]:
    """Reasons why a set of attributes cannot be."""
    for one, other in _ILLEGAL:
        if one in attributes and other in attributes:
            yield f"{one} and {other} exclude each other"
    if "receive" in attributes and "payable" not in attributes:
        yield "receive needs payable"
    if not any(name in attributes for name in REACHABLE):
        yield "nothing can call it: add entry"


def risky(attributes: Collection[str]) -> Iterator[str]:
    """Reasons to think twice."""
    for one, other in _RISKY:
        if one in attributes and other in attributes:
            yield f"{one} together with {other} invites reentrancy"


def to_bits(attributes: Collection[str]) -> int:
    """The bit set of the ABI section."""
    return sum(bit for name, bit in BITS.items() if name in attributes)


def from_bits(bits: int) -> tuple[str, ...]:
    """The names of a bit set; unknown bits are left out."""
    return tuple(name for name, bit in BITS.items() if bits & bit)
