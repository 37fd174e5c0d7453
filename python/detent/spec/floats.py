"""Float operators on bit patterns, with the one NaN of section 6.

Operands are integers that hold the bits, so that operators which only move a float keep its payload whatever Python does with NaNs.
Arithmetic goes through Python floats, which are IEEE binary64 rounded to nearest even. For f32, one operation on exact
operands in binary64 followed by one rounding to binary32 is correctly rounded, because 53 >= 2 * 24 + 2 (Figueroa 1995); this
holds for add, sub, mul, div, sqrt. Conversions from 64-bit integers do not go through binary64: see `from_integer`.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from dataclasses import dataclass

from .ends import Trap, TrapKind

Unary = Callable[[int], int]
Binary = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Format:
    """A binary interchange format: total bits, bits of the stored fraction, how `struct` names it."""

    bits: int
    fraction: int
    code: str

    @property
    def sign(self) -> int:
        """The sign bit."""
        return 1 << (self.bits - 1)

    @property
    def infinity(self) -> int:
        """Bits of positive infinity."""
        return (1 << (self.bits - 1 - self.fraction)) - 1 << self.fraction

    @property
    def nan(self) -> int:
        """The canonical NaN."""
        return self.infinity | 1 << (self.fraction - 1)

    def is_nan(self, bits: int) -> bool:
        """Whether the bits are any NaN."""
        return bits & ~self.sign > self.infinity

    def value(self, bits: int) -> float:
        """The number; never called with a NaN, whose payload Python does not promise to keep."""
        return float(struct.unpack("<" + self.code, bits.to_bytes(self.bits // 8, "little"))[0])

    def encode(self, value: float) -> int:
        """Rounds to nearest even; every NaN becomes the canonical one."""
        if math.isnan(value):
            return self.nan
        try:
            return int.from_bytes(struct.pack("<" + self.code, value), "little")
        except OverflowError:  # finite in binary64, rounds to an infinity in binary32
            return self.infinity | (self.sign if value < 0 else 0)


F32 = Format(32, 23, "f")
F64 = Format(64, 52, "d")


def _divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, math.copysign(1.0, a) * math.copysign(1.0, b))


def _root(a: float) -> float:
    return math.nan if a < 0 else math.sqrt(a)


def _integral(to_integer: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding to an integral value: infinities stay, zeros keep the operand's sign."""
    return lambda a: a if math.isinf(a) else math.copysign(float(to_integer(a)), a)


def _least(a: float, b: float) -> float:
    if a == b == 0:
        return a if math.copysign(1.0, a) < 0 else b
    return min(a, b)


def _greatest(a: float, b: float) -> float:
    if a == b == 0:
        return b if math.copysign(1.0, a) < 0 else a
    return max(a, b)


def unary(form: Format) -> dict[str, Unary]:
    """Operators of one operand by name without the type."""

    def rounded(function: Callable[[float], float]) -> Unary:
        return lambda a: form.nan if form.is_nan(a) else form.encode(function(form.value(a)))

    return {
        "abs": lambda a: a & ~form.sign,
        "neg": lambda a: a ^ form.sign,
        "sqrt": rounded(_root),
        "ceil": rounded(_integral(math.ceil)),
        "floor": rounded(_integral(math.floor)),
        "trunc": rounded(_integral(math.trunc)),
        "nearest": rounded(_integral(round)),
    }


def binary(form: Format) -> dict[str, Binary]:
    """Operators of two operands, comparisons included, by name without the type."""

    def rounded(function: Callable[[float, float], float]) -> Binary:
        def apply(a: int, b: int) -> int:
            if form.is_nan(a) or form.is_nan(b):
                return form.nan
            return form.encode(function(form.value(a), form.value(b)))

        return apply

    def ordered(function: Callable[[float, float], bool], unordered: int = 0) -> Binary:
        def apply(a: int, b: int) -> int:
            if form.is_nan(a) or form.is_nan(b):
                return unordered
            return int(function(form.value(a), form.value(b)))

        return apply

    return {
        "add": rounded(operator.add),
        "sub": rounded(operator.sub),
        "mul": rounded(operator.mul),
        "div": rounded(_divide),
        "min": rounded(_least),
        "max": rounded(_greatest),
        "copysign": lambda a, b: a & ~form.sign | b & form.sign,
        "eq": ordered(operator.eq),
        "ne": ordered(operator.ne, unordered=1),
        "lt": ordered(operator.lt),
        "gt": ordered(operator.gt),
        "le": ordered(operator.le),
        "ge": ordered(operator.ge),
    }


def convert(source: Format, target: Format) -> Unary:
    """`f32.demote_f64` and `f64.promote_f32`."""
    return lambda a: target.nan if source.is_nan(a) else target.encode(source.value(a))


def from_integer(form: Format) -> Callable[[int], int]:
    """Of a signed integer, rounded once to nearest even in integer arithmetic (through binary64 it would be rounded twice)."""
    precision = form.fraction + 1

    def apply(value: int) -> int:
        magnitude = abs(value)
        surplus = magnitude.bit_length() - precision
        if surplus > 0:
            kept, lost, half = magnitude >> surplus, magnitude & (1 << surplus) - 1, 1 << (surplus - 1)
            magnitude = kept + (lost > half or (lost == half and kept & 1)) << surplus
        return form.encode(float(-magnitude if value < 0 else magnitude))  # exact now

    return apply


def to_integer(form: Format, low: int, high: int, *, saturating: bool) -> Unary:
    """Truncation to an integer of `low <= n <= high`, as bits of that width; a NaN, or an integer outside, traps or saturates."""
    mask = high - low

    def apply(a: int) -> int:
        if form.is_nan(a):
            if saturating:
                return 0
            raise Trap(TrapKind.BAD_CONVERSION_TO_INTEGER)
        number = form.value(a)
        if math.isinf(number):
            number = math.copysign(2.0**65, number)  # outside every range
        whole = math.trunc(number)
        if not low <= whole <= high:
            if not saturating:
                raise Trap(TrapKind.INTEGER_OVERFLOW)
            whole = low if whole < low else high
        return whole & mask

    return apply
