"""Sections 1 and 6: dynamic charges, growth, allowances, and the one NaN."""

from __future__ import annotations

import pytest
from spec_cases import ran, wat

from detent.spec import NotAdmitted, prepare

FAILED = 2**32 - 1
GROW = '(module (memory {memory}) (func (export "main") (param i32) (result i32) local.get 0 memory.grow))'
GROWN = 2 + 1 + 1000  # entry, get, memory.grow, before the charge of 4096 a page


def grow(delta: int, memory: str = "1", **options: object):
    return ran(GROW.format(memory=memory), [delta], **options)


def test_growth_is_charged_whether_it_succeeds_or_not() -> None:
    for delta, memory, result in ((0, "1", 1), (2, "1", 1), (2, "1 3", 1), (3, "1 3", FAILED), (0, "3 3", 3), (1, "3 3", FAILED)):
        ended = grow(delta, memory)
        assert (ended.end, ended.used, ended.results) == ("returned", GROWN + 4096 * delta, (result,)), (delta, memory)


def test_growth_past_the_cap_is_charged_for_one_page_more_than_the_cap() -> None:
    # limits.memory_pages is 1024: the maximum of memory, whatever was declared.
    assert (grow(1023).used, grow(1023).results) == (GROWN + 4096 * 1023, (1,))
    assert (grow(1024).used, grow(1024).results) == (GROWN + 4096 * 1024, (FAILED,))
    assert grow(1024, "1 65536").results == (FAILED,)
    for delta in (1025, 1026, 65536, 2**31, 2**32 - 1):
        assert (grow(delta).used, grow(delta).results) == (GROWN + 4096 * 1025, (FAILED,))


def test_growth_that_cannot_be_paid_is_out_of_gas_before_it_fails_or_succeeds() -> None:
    for delta in (1, 5000):
        ended = grow(delta, fuel=GROWN + 4095)
        assert (ended.end, ended.used) == ("out_of_gas", GROWN + 4095)
        assert ended.instance is not None and ended.instance.memory is not None and ended.instance.memory.pages == 1


def test_the_allowance_counts_initial_pages_and_every_growth() -> None:
    assert grow(2, "2", pages=4).results == (2,)
    assert grow(3, "2", pages=4).results == (FAILED,)
    assert grow(0, "2", pages=2).results == (2,)
    text = """(module (memory 1) (func (export "main") (result i32 i32 i32)
        i32.const 2 memory.grow  i32.const 2 memory.grow  i32.const 1 memory.grow))"""
    assert ran(text, pages=4).results == (1, FAILED, 3)


def test_a_frame_whose_initial_pages_exceed_the_allowance_is_out_of_memory_after_its_charge() -> None:
    ended = grow(0, "3", pages=2, instance_charge=True)
    # 1000 base, 3 pages of 64, code section of 1 + 1 + 1 + 5 = 8 bytes: 1 word.
    assert (ended.end, ended.used) == ("out_of_memory", 1000 + 192 + 1)
    assert grow(0, "3", pages=2, instance_charge=True, fuel=1192).end == "out_of_gas"
    # A charge that takes the last fuel is paid.
    assert grow(0, "3", pages=2, instance_charge=True, fuel=1193).end == "out_of_memory"


def test_new_pages_are_zero_and_usable() -> None:
    text = """(module (memory 1) (func (export "main") (result i32)
        i32.const 1 memory.grow drop
        i32.const 131068 i32.load
        i32.const 131068 i32.const 5 i32.store
        i32.const 131068 i32.load i32.add))"""
    assert ran(text).results == (5,)


BULK = """(module (memory 1) (data $d "abcdefgh") (table 10 funcref) (elem $e func $f $f) (func $f)
    (func (export "main") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 {operator}))"""


@pytest.mark.parametrize(
    ("operator", "base", "length", "charge", "fits"),
    [
        ("memory.fill", 20, 0, 0, True),
        ("memory.fill", 20, 1, 1, True),
        ("memory.fill", 20, 8, 1, True),
        ("memory.fill", 20, 9, 2, True),
        ("memory.copy", 20, 65536, 8192, True),
        ("memory.copy", 20, 65537, 8193, False),
        ("memory.init $d", 30, 8, 1, True),
        ("memory.init $d", 30, 9, 2, False),
        ("memory.fill", 20, 2**32 - 1, 2**29, False),
        ("table.init $e", 40, 2, 4, True),
        ("table.init $e", 40, 3, 6, False),
        ("table.copy", 30, 10, 20, True),
        ("table.copy", 30, 2**32 - 1, 2**33 - 2, False),
    ],
)
def test_bulk_operators_are_charged_in_full_before_their_bounds_are_checked(
    operator: str, base: int, length: int, charge: int, fits: bool
) -> None:
    text = BULK.format(operator=operator)
    total = 2 + 3 + base + charge  # entry, three local.get
    ended = ran(text, [0, 0, length], fuel=2**40)
    assert (ended.end == "returned") == fits
    assert ended.end in ("returned", "trapped:memory_out_of_bounds", "trapped:table_out_of_bounds")
    assert ended.used == total
    assert ran(text, [0, 0, length], fuel=total) == ended
    if charge:
        short = ran(text, [0, 0, length], fuel=total - 1)
        assert (short.end, short.used) == ("out_of_gas", total - 1)
        assert short.instance is not None and short.instance.memory is not None and not any(short.instance.memory.content)


def test_overlapping_copies_behave_as_if_through_a_buffer() -> None:
    text = """(module (memory 1) (data (i32.const 0) "abcdefgh")
        (func (export "main") (param i32 i32) (result i64)
          local.get 0 local.get 1 i32.const 5 memory.copy  i32.const 0 i64.load))"""
    assert ran(text, [2, 0]).results == (int.from_bytes(b"ababcdeh", "little"),)
    assert ran(text, [0, 2]).results == (int.from_bytes(b"cdefgfgh", "little"),)


def test_dropped_segments_are_empty_and_zero_length_still_fits() -> None:
    text = """(module (memory 1) (data $d "abc") (func (export "main") (param i32)
        data.drop $d  i32.const 0 i32.const 0 local.get 0 memory.init $d))"""
    assert ran(text, [0]).used == 2 + 10 + 3 + 30
    assert ran(text, [1]).end == "trapped:memory_out_of_bounds"


CANONICAL = {"f32": 0x7FC00000, "f64": 0x7FF8000000000000}


@pytest.mark.parametrize("type_", ["f32", "f64"])
def test_arithmetic_gives_one_nan_and_moves_keep_their_bits(type_: str) -> None:
    width = int(type_[1:])
    sign = 1 << (width - 1)
    quiet, loud = f"{type_}.const -nan:0x{1 << (21 if type_ == 'f32' else 50):x}", f"{type_}.const -nan:0x1"
    payload = sign | ((0xFF << 23) | 1 << 21 if type_ == "f32" else (0x7FF << 52) | 1 << 50)

    def bits(body: str, result: str = type_) -> int:
        return ran(f'(module (memory 1) (func (export "main") (result {result}) {body}))').results[0]

    for operator in ("add", "sub", "mul", "div", "min", "max"):
        for operands in (f"{quiet} {type_}.const 1", f"{type_}.const 1 {quiet}", f"{loud} {quiet}"):
            assert bits(f"{operands} {type_}.{operator}") == CANONICAL[type_], operator
    for operator in ("sqrt", "ceil", "floor", "trunc", "nearest"):
        assert bits(f"{quiet} {type_}.{operator}") == CANONICAL[type_], operator
    for body in ("T.const 0 T.const -0 T.div", "T.const inf T.const inf T.sub", "T.const -1 T.sqrt"):
        assert bits(body.replace("T", type_)) == CANONICAL[type_], body
    assert bits(f"{quiet} {type_}.neg") == payload ^ sign
    assert bits(f"{quiet} {type_}.abs") == payload & ~sign
    assert bits(f"{quiet} {type_}.const 1 {type_}.copysign") == payload & ~sign
    assert bits(f"i32.const 0 {quiet} {type_}.store i32.const 0 {type_}.load") == payload
    assert bits(f"{quiet} i{width}.reinterpret_{type_}", f"i{width}") == payload
    assert bits(f"{quiet} {type_}.const 1 i32.const 1 select") == payload
    other, convert = ("f64", "f64.promote_f32") if type_ == "f32" else ("f32", "f32.demote_f64")
    assert bits(f"{quiet} {convert}", other) == CANONICAL[other]


def test_conversions_from_integers_round_once() -> None:
    # 2^53 + 2^29 + 1 through f64 loses its 1, becomes a tie of f32 and rounds down; rounded once it goes up.
    text = '(module (func (export "main") (param i64) (result f32) local.get 0 f32.convert_i64_u))'
    assert ran(text, [2**53 + 2**29 + 1]).results == (0x5A000001,)
    assert ran(text, [2**53 + 2**29]).results == (0x5A000000,)
    assert ran(text, [2**64 - 1]).results == (0x5F800000,)


def test_shapes_beyond_the_limits_are_not_given_a_meaning() -> None:
    for text in ("(module (memory 1025))", "(module (table 10001 funcref))", '(module (import "env" "m" (memory 1)))'):
        with pytest.raises(NotAdmitted):
            prepare(wat(text))
