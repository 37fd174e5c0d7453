"""Integer operators on unsigned Python integers below 2^32 or 2^64, exactly as the WebAssembly specification defines them."""

from __future__ import annotations

from collections.abc import Callable

from .ends import Trap, TrapKind

Unary = Callable[[int], int]
Binary = Callable[[int, int], int]


def signed(value: int, bits: int) -> int:
    """The two's complement reading of the low `bits` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _quotient(a: int, b: int) -> int:
    """Division towards zero; Python's rounds down."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def unary(bits: int) -> dict[str, Unary]:
    """Operators of one operand, tests included, by name without the type."""
    mask = (1 << bits) - 1
    operators: dict[str, Unary] = {
        "eqz": lambda a: int(a == 0),
        "clz": lambda a: bits - a.bit_length(),
        "ctz": lambda a: (a & -a).bit_length() - 1 if a else bits,
        "popcnt": lambda a: a.bit_count(),
        "extend8_s": lambda a: signed(a, 8) & mask,
        "extend16_s": lambda a: signed(a, 16) & mask,
    }
    if bits == 64:
        operators["extend32_s"] = lambda a: signed(a, 32) & mask
    return operators


def binary(bits: int) -> dict[str, Binary]:
    """Operators of two operands, comparisons included, by name without the type."""
    mask = (1 << bits) - 1

    def nonzero(b: int) -> int:
        if b == 0:
            raise Trap(TrapKind.INTEGER_DIVISION_BY_ZERO)
        return b

    def div_s(a: int, b: int) -> int:
        quotient = _quotient(signed(a, bits), signed(nonzero(b), bits))
        if quotient == 1 << (bits - 1):
            raise Trap(TrapKind.INTEGER_OVERFLOW)
        return quotient & mask

    def rem_s(a: int, b: int) -> int:
        dividend, divisor = signed(a, bits), signed(nonzero(b), bits)
        return (dividend - divisor * _quotient(dividend, divisor)) & mask

    def rotl(a: int, b: int) -> int:
        by = b % bits
        return (a << by | a >> (bits - by)) & mask

    return {
        "add": lambda a, b: (a + b) & mask,
        "sub": lambda a, b: (a - b) & mask,
        "mul": lambda a, b: (a * b) & mask,
        "div_s": div_s,
        "div_u": lambda a, b: a // nonzero(b),
        "rem_s": rem_s,
        "rem_u": lambda a, b: a % nonzero(b),
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "shl": lambda a, b: a << b % bits & mask,
        "shr_s": lambda a, b: signed(a, bits) >> b % bits & mask,
        "shr_u": lambda a, b: a >> b % bits,
        "rotl": rotl,
        "rotr": lambda a, b: rotl(a, -b % bits),
        "eq": lambda a, b: int(a == b),
        "ne": lambda a, b: int(a != b),
        "lt_s": lambda a, b: int(signed(a, bits) < signed(b, bits)),
        "lt_u": lambda a, b: int(a < b),
        "gt_s": lambda a, b: int(signed(a, bits) > signed(b, bits)),
        "gt_u": lambda a, b: int(a > b),
        "le_s": lambda a, b: int(signed(a, bits) <= signed(b, bits)),
        "le_u": lambda a, b: int(a <= b),
        "ge_s": lambda a, b: int(signed(a, bits) >= signed(b, bits)),
        "ge_u": lambda a, b: int(a >= b),
    }
