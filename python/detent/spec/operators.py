"""The operators: opcodes, immediates, and signatures of those whose type does not depend on context."""

from __future__ import annotations

from .module import ValueType as T

NAMES: dict[int, str] = {}
"""Opcode to name; the operators behind the prefix 0xFC are at 0xFC00 + sub-opcode."""

IMMEDIATES: dict[str, str] = {}
"""Name to a string of immediate kinds, decoded in order by `binary`: see `binary.IMMEDIATE`. Absent: none."""

SIGNATURES: dict[str, tuple[tuple[T, ...], tuple[T, ...]]] = {}
"""Name to (operands, results), where they are the same at every occurrence."""

ACCESSES: dict[str, tuple[T, int, bool]] = {}
"""Loads and stores: value type, bytes accessed, whether a narrow load extends the sign."""

PREFIX = 0xFC
TYPES = {"i32": T.I32, "i64": T.I64, "f32": T.F32, "f64": T.F64}


def _name(code: int, name: str, immediates: str = "") -> None:
    NAMES[code] = name
    if immediates:
        IMMEDIATES[name] = immediates


def _row(code: int, type_: str, names: str, operands: int, *, test: bool = False) -> None:
    """Consecutive opcodes of one type and one shape; a test gives an i32."""
    value = TYPES[type_]
    for step, name in enumerate(names.split()):
        full = f"{type_}.{name}"
        _name(code + step, full)
        SIGNATURES[full] = ((value,) * operands, (T.I32 if test else value,))


def _control() -> None:
    for code, name, immediates in (
        (0x00, "unreachable", ""),
        (0x01, "nop", ""),
        (0x02, "block", "blocktype"),
        (0x03, "loop", "blocktype"),
        (0x04, "if", "blocktype"),
        (0x05, "else", ""),
        (0x0B, "end", ""),
        (0x0C, "br", "index"),
        (0x0D, "br_if", "index"),
        (0x0E, "br_table", "vector index"),
        (0x0F, "return", ""),
        (0x10, "call", "index"),
        (0x11, "call_indirect", "index index"),
        (0x1A, "drop", ""),
        (0x1B, "select", ""),
        (0x20, "local.get", "index"),
        (0x21, "local.set", "index"),
        (0x22, "local.tee", "index"),
        (0x23, "global.get", "index"),
        (0x24, "global.set", "index"),
        (0x25, "table.get", "index"),
        (0x26, "table.set", "index"),
        (0x3F, "memory.size", "zero"),
        (0x40, "memory.grow", "zero"),
        (0x41, "i32.const", "s32"),
        (0x42, "i64.const", "s64"),
        (0x43, "f32.const", "bits32"),
        (0x44, "f64.const", "bits64"),
        (0xD0, "ref.null", "reference"),
        (0xD1, "ref.is_null", ""),
        (0xD2, "ref.func", "index"),
    ):
        _name(code, name, immediates)
    SIGNATURES["memory.size"] = ((), (T.I32,))
    SIGNATURES["memory.grow"] = ((T.I32,), (T.I32,))
    for type_, value in TYPES.items():
        SIGNATURES[f"{type_}.const"] = ((), (value,))


def _memory() -> None:
    loads = "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u i64.load8_s i64.load8_u"
    loads += " i64.load16_s i64.load16_u i64.load32_s i64.load32_u"
    stores = "i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32"
    for code, name in enumerate((loads + " " + stores).split(), 0x28):
        type_, access = name.split(".")
        value = TYPES[type_]
        width = access.removeprefix("load").removeprefix("store").split("_")[0] or type_[1:]
        _name(code, name, "alignment index")
        ACCESSES[name] = (value, int(width) // 8, access.endswith("_s"))
        SIGNATURES[name] = ((T.I32,), (value,)) if access.startswith("load") else ((T.I32, value), ())
    for sub, name, immediates, operands in (
        (8, "memory.init", "index zero", 3),
        (9, "data.drop", "index", 0),
        (10, "memory.copy", "zero zero", 3),
        (11, "memory.fill", "zero", 3),
        (12, "table.init", "index index", 3),
        (13, "elem.drop", "index", 0),
        (14, "table.copy", "index index", 3),
        (15, "table.grow", "index", None),
        (16, "table.size", "index", 0),
        (17, "table.fill", "index", None),
    ):
        _name(PREFIX << 8 | sub, name, immediates)
        if operands is not None:
            SIGNATURES[name] = ((T.I32,) * operands, (T.I32,) if name == "table.size" else ())


def _numeric() -> None:
    orders = "lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
    arithmetic = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"
    for type_, tests, counts in (("i32", 0x45, 0x67), ("i64", 0x50, 0x79)):
        _row(tests, type_, "eqz", 1, test=True)
        _row(tests + 1, type_, "eq ne " + orders, 2, test=True)
        _row(counts, type_, "clz ctz popcnt", 1)
        _row(counts + 3, type_, arithmetic, 2)
    for type_, tests, signs in (("f32", 0x5B, 0x8B), ("f64", 0x61, 0x99)):
        _row(tests, type_, "eq ne lt gt le ge", 2, test=True)
        _row(signs, type_, "abs neg ceil floor trunc nearest sqrt", 1)
        _row(signs + 7, type_, "add sub mul div min max copysign", 2)
    _row(0xC0, "i32", "extend8_s extend16_s", 1)
    _row(0xC2, "i64", "extend8_s extend16_s extend32_s", 1)


def _conversions() -> None:
    plain = (
        "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s i64.extend_i32_u"
        " i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s"
        " f32.convert_i64_u f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32"
        " i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"
    )
    saturating = [f"{to}.trunc_sat_{of}_{sign}" for to in ("i32", "i64") for of in ("f32", "f64") for sign in "su"]
    for code, name in [*enumerate(plain.split(), 0xA7), *enumerate(saturating, PREFIX << 8)]:
        _name(code, name)
        to, how = name.split(".")
        source = next(part for part in how.split("_") if part in TYPES)
        SIGNATURES[name] = ((TYPES[source],), (TYPES[to],))


NAMES[0x1C] = "select"
"""`select` with a declared type has the name and the price of `select`; its immediates are their number and the types."""

TYPED_SELECT = 0x1C

_control()
_memory()
_numeric()
_conversions()
