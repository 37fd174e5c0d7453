"""Section 3: out of gas is decided at block entries and dynamic charges only, precedes what follows, and uses the whole limit."""

from __future__ import annotations

import pytest
from spec_cases import PLENTY, Scripted, ran
from test_spec_blocks import COUNTDOWN, IF_ELSE, MULTI, TABLE, TO_OUTER
from test_spec_traps import RECURSION

from detent.spec import Return

HOSTED = """(module (import "env" "h" (func $h)) (func (export "main") (param i32)
    loop call $h local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end))"""


@pytest.mark.parametrize(
    ("text", "args"), [(COUNTDOWN, [30]), (IF_ELSE, [0]), (IF_ELSE, [1]), (TABLE, [1]), (TO_OUTER, [9]), (MULTI, [1]), (HOSTED, [12])]
)
@pytest.mark.parametrize("instance_charge", [False, True])
def test_every_limit_below_what_is_used_is_out_of_gas_and_every_other_is_enough(text: str, args: list[int], instance_charge: bool) -> None:
    def at(fuel: int):
        return ran(text, args, fuel=fuel, instance_charge=instance_charge, host=Scripted(h=charging))

    def charging(_args, view):
        view.charge(5)
        return Return()

    whole = at(PLENTY)
    assert whole.end == "returned"
    for fuel in range(max(0, whole.used - 50), whole.used):
        assert (at(fuel).end, at(fuel).used) == ("out_of_gas", fuel)
    for fuel in (whole.used, whole.used + 1):
        assert at(fuel) == whole


def test_a_block_that_cannot_be_paid_does_not_trap_first() -> None:
    text = '(module (func (export "main") unreachable))'
    assert (ran(text, fuel=2).end, ran(text, fuel=2).used) == ("out_of_gas", 2)
    assert (ran(text, fuel=3).end, ran(text, fuel=3).used) == ("trapped:unreachable", 3)


def test_what_a_trap_gives_back_must_have_been_paid() -> None:
    # Used is 12 (2 + 1 + 1 + 8), but the block costs 15: with 12, 13 or 14 the execution is out of gas.
    text = '(module (func (export "main") i32.const 1 i32.const 0 i32.div_s drop i32.const 7 drop))'
    assert [ran(text, fuel=fuel).end for fuel in (12, 13, 14)] == ["out_of_gas"] * 3
    assert (ran(text, fuel=15).end, ran(text, fuel=15).used) == ("trapped:integer_division_by_zero", 12)


def test_the_threshold_of_a_deep_trap_is_sharp() -> None:
    whole = ran(RECURSION, [50])
    enough = next(fuel for fuel in range(whole.used, whole.used + 51 * 4 + 1) if ran(RECURSION, [50], fuel=fuel).end != "out_of_gas")
    # At the bottom all fifty callers have prepaid the 4 after their calls.
    assert enough == whole.used + 50 * 4
    for fuel in range(enough - 50, enough):
        assert (ran(RECURSION, [50], fuel=fuel).end, ran(RECURSION, [50], fuel=fuel).used) == ("out_of_gas", fuel)
    assert ran(RECURSION, [50], fuel=enough) == whole


def test_effects_before_an_unpaid_block_happened_and_later_ones_did_not() -> None:
    text = """(module (global (mut i32) (i32.const 0)) (func (export "main")
        i32.const 1 global.set 0
        i32.const 1 if i32.const 2 global.set 0 end))"""
    # entry 2, const 1, set 2, const 1, if 1 = 7; the arm costs 3.
    ended = ran(text, fuel=9)
    assert (ended.end, ended.used) == ("out_of_gas", 9)
    assert ended.instance is not None and ended.instance.globals == [1]


def test_the_instance_charge_is_the_closed_form() -> None:
    text = """(module
        (memory 3) (data (i32.const 0) "12345678") (data "9")
        (table 4 funcref) (elem (i32.const 0) $main $main) (elem declare func $main)
        (global i32 (i32.const 0)) (global (mut i64) (i64.const 0))
        (func $main (export "main")))"""
    # 1000 base; 3 pages of 64; 9 bytes of data are 2 words; 3 element entries of 2; 2 globals of 2; the code section's contents are
    # count, size, locals, end: 4 bytes, 1 word. Then entry 2.
    fuel = 1000 + 192 + 2 + 6 + 4 + 1
    ended = ran(text, instance_charge=True)
    assert (ended.end, ended.used) == ("returned", fuel + 2)
    short = ran(text, instance_charge=True, fuel=fuel - 1)
    assert (short.end, short.used) == ("out_of_gas", fuel - 1)


def test_limits_are_signed_64_bit() -> None:
    for fuel in (-1, 2**63):
        with pytest.raises(ValueError, match="fuel"):
            ran('(module (func (export "main")))', fuel=fuel)
    assert ran('(module (func (export "main")))', fuel=2**63 - 1).used == 2
