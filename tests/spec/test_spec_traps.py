"""Section 3: a trap gives back what was prepaid and not executed, in every live activation of the host entry."""

from __future__ import annotations

import pytest
from spec_cases import ran

AFTER = "i32.const 7 drop i32.const 7 drop"

TRAPS = [
    # kind, operators up to and with the one that traps, their cost, what follows it on the stack
    ("integer_division_by_zero", "i32.const 1 i32.const 0 i32.div_s", 10, "drop"),
    ("integer_division_by_zero", "i64.const 1 i64.const 0 i64.rem_u", 14, "drop"),
    ("integer_overflow", "i32.const 0x80000000 i32.const -1 i32.div_s", 10, "drop"),
    ("integer_overflow", "f64.const 1e30 i32.trunc_f64_s", 2, "drop"),
    ("bad_conversion_to_integer", "f32.const nan i64.trunc_f32_u", 2, "drop"),
    ("memory_out_of_bounds", "i32.const 65533 i32.load", 2, "drop"),
    ("memory_out_of_bounds", "i32.const -1 i64.load8_u offset=4294967295", 2, "drop"),
    ("memory_out_of_bounds", "i32.const 65529 i64.const 1 i64.store", 3, ""),
    ("memory_out_of_bounds", "i32.const 65536 i32.const 0 i32.const 1 memory.fill", 24, ""),
    ("memory_out_of_bounds", "i32.const 0 i32.const 0 i32.const 65537 memory.copy", 23 + 8193, ""),
    ("memory_out_of_bounds", "i32.const 0 i32.const 1 i32.const 3 memory.init $d", 34, ""),
    ("table_out_of_bounds", "i32.const 0 i32.const 0 i32.const 5 table.copy", 33 + 10, ""),
    ("table_out_of_bounds", "i32.const 0 i32.const 2 i32.const 1 table.init $e", 43 + 2, ""),
    ("unreachable", "unreachable", 1, ""),
    ("table_out_of_bounds", "i32.const 4 call_indirect (type $t)", 9, ""),
    ("indirect_call_to_null", "i32.const 3 call_indirect (type $t)", 9, ""),
    ("bad_signature", "i32.const 1 call_indirect (type $t)", 9, ""),
]


@pytest.mark.parametrize(("kind", "operators", "cost", "then"), TRAPS)
def test_a_trap_in_the_middle_of_a_block_pays_for_what_executed(kind: str, operators: str, cost: int, then: str) -> None:
    text = f"""(module
        (type $t (func))
        (memory 1) (data $d "abc")
        (table 4 funcref) (elem (i32.const 0) $noop $one) (elem $e func $noop $noop)
        (func $noop) (func $one (result i32) i32.const 1)
        (func (export "main") i32.const 7 drop {operators} {then} {AFTER}))"""
    ended = ran(text)
    assert ended.end == f"trapped:{kind}"
    assert ended.used == 2 + 2 + cost  # entry, const, drop; nothing of what follows


def test_callers_get_back_what_follows_their_calls() -> None:
    # main: entry 2, call 3; f: entry 2, const, const, div 10. The four operators after the call and the drop in f are given back.
    ended = ran(f"""(module
        (func $f i32.const 1 i32.const 0 i32.div_u drop)
        (func (export "main") call $f {AFTER}))""")
    assert (ended.end, ended.used) == ("trapped:integer_division_by_zero", 17)
    assert [(frame.function, frame.operator, frame.refund) for frame in ended.frames] == [(0, "i32.div_u", 1), (1, "call", 4)]


RECURSION = f"""(module (func $f (export "main") (param i32)
    local.get 0  i32.eqz  if unreachable end
    local.get 0  i32.const 1  i32.sub  call $f  {AFTER}))"""


def test_a_trap_at_the_bottom_of_a_thousand_activations() -> None:
    # Each of the thousand above: entry 2, get, eqz, if 3; get, const, sub 3, call 3. The bottom: 5 and unreachable 1.
    ended = ran(RECURSION, [1000])
    assert (ended.end, ended.used) == ("trapped:unreachable", 1000 * 11 + 6)
    assert len(ended.frames) == 1001
    assert {frame.refund for frame in ended.frames} == {0, 4}


def test_mutual_recursion_gives_back_in_both_functions() -> None:
    ended = ran(
        f"""(module
        (func $even (export "main") (param i32)
          local.get 0 i32.eqz if unreachable end
          local.get 0 i32.const 1 i32.sub call $odd {AFTER})
        (func $odd (param i32)
          local.get 0 i32.const 1 i32.sub call $even i32.const 7 drop))""",
        [10],
    )
    # Five evens above of 5 + 6, five odds of entry 2 + get, const, sub, call 6, the bottom 6.
    assert (ended.end, ended.used) == ("trapped:unreachable", 5 * 11 + 5 * 8 + 6)


def test_additions_are_not_given_back() -> None:
    # Two locals and the 1 of an empty loop header stay paid: entry 2, locals 2, header 1, unreachable 1.
    ended = ran('(module (func (export "main") (local i32 i32) loop loop unreachable end end))')
    assert (ended.end, ended.used) == ("trapped:unreachable", 6)


def test_forty_thousand_activations_do_not_nest_python_calls() -> None:
    text = """(module (global $n (mut i32) (i32.const 40000))
        (func $f (export "main")
          global.get $n i32.const 1 i32.sub global.set $n
          global.get $n if call $f else unreachable end))"""
    ended = ran(text)
    # Each: entry 2, get, const, sub 3, set 2, get, if 2; then call 3, at the bottom unreachable 1.
    assert (ended.end, ended.used) == ("trapped:unreachable", 40_000 * 9 + 39_999 * 3 + 1)
