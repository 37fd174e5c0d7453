"""Every numeric operator by its full name: constants aside, all that only maps operands to a result."""

from __future__ import annotations

from collections.abc import Callable

from . import floats, integers
from .floats import F32, F64, Format
from .integers import signed

UNARY: dict[str, Callable[[int], int]] = {}
BINARY: dict[str, Callable[[int, int], int]] = {}

_INTEGERS = {"i32": 32, "i64": 64}
_FLOATS: dict[str, Format] = {"f32": F32, "f64": F64}


def _arithmetic() -> None:
    for type_, bits in _INTEGERS.items():
        UNARY.update({f"{type_}.{name}": function for name, function in integers.unary(bits).items()})
        BINARY.update({f"{type_}.{name}": function for name, function in integers.binary(bits).items()})
    for type_, form in _FLOATS.items():
        UNARY.update({f"{type_}.{name}": function for name, function in floats.unary(form).items()})
        BINARY.update({f"{type_}.{name}": function for name, function in floats.binary(form).items()})


def _truncations() -> None:
    for to, bits in _INTEGERS.items():
        for of, form in _FLOATS.items():
            for sign, low, high in (("s", -(1 << (bits - 1)), (1 << (bits - 1)) - 1), ("u", 0, (1 << bits) - 1)):
                UNARY[f"{to}.trunc_{of}_{sign}"] = floats.to_integer(form, low, high, saturating=False)
                UNARY[f"{to}.trunc_sat_{of}_{sign}"] = floats.to_integer(form, low, high, saturating=True)


def _from_integers() -> None:
    for to, form in _FLOATS.items():
        rounded = floats.from_integer(form)
        for of, bits in _INTEGERS.items():
            UNARY[f"{to}.convert_{of}_u"] = rounded
            UNARY[f"{to}.convert_{of}_s"] = _signed_first(rounded, bits)


def _signed_first(function: Callable[[int], int], bits: int) -> Callable[[int], int]:
    return lambda a: function(signed(a, bits))


def _same(a: int) -> int:
    return a


_arithmetic()
_truncations()
_from_integers()
UNARY["i32.wrap_i64"] = lambda a: a & 0xFFFFFFFF
UNARY["i64.extend_i32_u"] = _same
UNARY["i64.extend_i32_s"] = lambda a: signed(a, 32) & 0xFFFFFFFFFFFFFFFF
UNARY["f32.demote_f64"] = floats.convert(F64, F32)
UNARY["f64.promote_f32"] = floats.convert(F32, F64)
for _name in ("i32.reinterpret_f32", "i64.reinterpret_f64", "f32.reinterpret_i32", "f64.reinterpret_i64"):
    UNARY[_name] = _same
