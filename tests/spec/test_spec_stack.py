"""Section 5: frames, bounds, reserves, and where the logical stack overflows. Sizes are bytes: 8 a value, 64 an activation.

Most tests are under a schedule in which operators take nothing, so that the arithmetic is about one thing at a time; what operators
take has tests of its own at the end.
"""

from __future__ import annotations

import dataclasses

import pytest
from spec_cases import Scripted, wat
from spec_cases import ran as ran_under

from detent.spec import CallBack, Return, Returned, Schedule, Trapped, prepare
from detent.spec.stack import StackPlan, components

LIMITS = Schedule.current().limits
FLAT = dataclasses.replace(Schedule.current(), stack=dataclasses.replace(Schedule.current().stack, operator=0))


def ran(text: str, *args, **options):
    return ran_under(text, *args, **{"schedule": FLAT, **options})


def plans(text: str, **options: object) -> list[StackPlan]:
    return [code.plan for code in prepare(wat(text), **{"schedule": FLAT, **options}).codes]  # type: ignore[arg-type]


def test_a_frame_counts_parameters_locals_and_the_peak_of_operands() -> None:
    # peak 4: two below the block, its two parameters are those two; inside 2 + 2 pushed.
    text = """(module (func (param i32 i64) (local f64)
        i32.const 1 i32.const 2
        block (param i32 i32) (result i32)
          i32.const 3 i32.const 4 i32.add i32.add i32.add
        end drop))"""
    assert plans(text) == [StackPlan(8 * (2 + 1 + 4) + 64, False, 8 * 7 + 64)]


def test_unreachable_operators_do_not_count_for_the_peak() -> None:
    text = "(module (func return i64.const 1 i64.const 2 i64.const 3 drop drop drop))"
    assert plans(text)[0].frame == 64


def test_code_after_two_arms_that_both_leave_is_unreachable() -> None:
    dead = "i64.const 1 i64.const 2 drop drop call $f"
    for arms in ("if return else return end", "if return else unreachable end", "if br 1 else loop br 0 end end"):
        # Neither the two operands nor the call of itself count: only the condition does.
        assert plans(f"(module (func $f i32.const 1 {arms} {dead}))") == [StackPlan(8 + 64, False, 8 + 64)], arms
    for arms in ("if return else end", "if else return end", "if return end"):
        assert plans(f"(module (func $f i32.const 1 {arms} {dead}))") == [StackPlan(16 + 64, True, 16 + 64)], arms


def test_results_of_calls_count_for_the_peak() -> None:
    text = "(module (func (result i32 i32 i32) i32.const 1 i32.const 2 i32.const 3) (func call 0 drop drop drop))"
    assert [plan.frame for plan in plans(text)] == [8 * 3 + 64] * 2


def test_bounds_add_up_along_the_deepest_chain() -> None:
    text = """(module (func $a) (func $b (local i64 i64)) (func $c call $a call $b) (func $d call $c i32.const 1 drop call $a))"""
    # a 64; b 16 + 64 = 80; c 64 + 80; d 8 + 64 + 144
    assert [(plan.counted, plan.needed) for plan in plans(text)] == [(False, 64), (False, 80), (False, 144), (False, 216)]


def test_a_cycle_is_counted_and_reserves_the_acyclic_part_below_it() -> None:
    text = """(module
        (func $leaf (local i64)) (func $mid call $leaf)
        (func $even call $mid call $odd) (func $odd call $even)
        (func $above call $even)
        (func $self call $self call $leaf))"""
    # leaf 72; mid 64 + 72; even 64 + 136; odd 64; above 64 (its callee is counted); self 64 + 72
    assert [(plan.counted, plan.needed) for plan in plans(text)] == [
        (False, 72), (False, 136), (True, 200), (True, 64), (False, 64), (True, 136),
    ]  # fmt: skip


def test_an_acyclic_function_over_the_limit_is_counted_for_its_callers() -> None:
    schedule = dataclasses.replace(FLAT, limits=dataclasses.replace(LIMITS, stack_bytes=200))
    text = "(module (func $a) (func $b call $a) (func $c call $b) (func $d call $c) (func $e call $d))"
    # a 64, b 128, c 192; d would need 256 and is counted, with that as its reserve; e sees it as counted.
    assert [(plan.counted, plan.needed) for plan in plans(text, schedule=schedule)] == [
        (False, 64), (False, 128), (False, 192), (True, 256), (False, 64),
    ]  # fmt: skip


def test_a_bound_that_equals_the_limit_is_not_over_it() -> None:
    text = '(module (func $a) (func $b call $a) (func $c (export "main") call $b))'
    for limit, counted in ((193, False), (192, False), (191, True)):
        schedule = dataclasses.replace(FLAT, limits=dataclasses.replace(LIMITS, stack_bytes=limit))
        assert [plan.counted for plan in plans(text, schedule=schedule)] == [False, False, counted]
        assert ran(text, schedule=schedule).end == ("stack_overflow" if counted else "returned")


def test_an_indirect_call_leads_to_every_function_of_its_type_in_any_segment() -> None:
    text = """(module
        (type $t (func (param i32))) (type $same (func (param i32))) (type $other (func (param i64)))
        (table 3 funcref)
        (elem (i32.const 0) $one) (elem func $two) (elem declare func $three)
        (func $one (type $t)) (func $two (type $same) i32.const 1 i32.const 1 call_indirect (type $t))
        (func $three (type $other) (local i64 i64))
        (func $caller i32.const 1 i32.const 1 call_indirect (type $t))
        (func $dead return i32.const 1 i32.const 1 call_indirect (type $t))
        (func $not_in_a_segment (type $t)))"""
    # two is of the same structure and calls the type itself: a cycle. three is of another type, so its 88 count for nobody.
    # caller: 80 + one's bound 72 (two is counted). dead has no edge.
    assert [(plan.counted, plan.needed) for plan in plans(text)] == [
        (False, 72), (True, 80 + 8 + 72), (False, 88), (False, 80 + 72), (False, 64), (False, 72),
    ]  # fmt: skip


def test_an_import_that_reenters_leads_to_every_export() -> None:
    text = """(module (import "env" "back" (func $back)) (import "env" "plain" (func $plain))
        (type $t (func)) (table 1 funcref) (elem (i32.const 0) $back)
        (func (export "a") call $back)
        (func (export "b") (local i64))
        (func $hidden call $back)
        (func $indirect i32.const 0 call_indirect (type $t))
        (func $other call $plain)
        (func $dead return call $back))"""
    found = [(plan.counted, plan.needed) for plan in plans(text, reentering={("env", "back")})]
    # a is on a cycle by itself and reserves b; hidden sees a counted and b 72; indirect the same with one operand; others see nothing.
    assert found == [(True, 64 + 72), (False, 72), (False, 64 + 72), (False, 72 + 72), (False, 64), (False, 64)]
    assert not any(plan.counted for plan in plans(text, reentering=()))


def test_components_come_callees_first_and_need_no_deep_python_stack() -> None:
    chain = [[node + 1] for node in range(9_999)] + [[]]
    assert components(chain) == [[node] for node in reversed(range(10_000))]
    assert [sorted(found) for found in components([[1], [2], [0, 3], [4], [3], []])] == [[3, 4], [0, 1, 2], [5]]


DOWN = """(module (func $f (export "main") (param i32)
    local.get 0 i32.eqz if return end
    local.get 0 i32.const 1 i32.sub call $f))"""


def test_a_counted_function_overflows_exactly_when_its_reserve_is_gone() -> None:
    # frame 8 * (1 + 2) + 64 = 88, ten activations for main(9); returning: nine of 5 + 6, the last 5 + return 1.
    for rest in (880, 888):
        ended = ran(DOWN, [9], rest=rest)
        assert (ended.end, ended.used) == ("returned", 9 * 11 + 6)
    for rest in (879, 872):
        ended = ran(DOWN, [9], rest=rest)
        # The tenth activation pays nothing; its caller has paid the call.
        assert (ended.end, ended.used, len(ended.frames)) == ("stack_overflow", 9 * 11, 9)


def test_the_whole_budget_holds_as_many_activations_as_it_divides_into() -> None:
    # 4194304 // 88 = 47662: main(47661) has as many activations.
    assert ran(DOWN, [47_661]).end == "returned"
    assert ran(DOWN, [47_662]).end == "stack_overflow"


def test_an_uncounted_function_is_checked_at_entry_from_the_host_only() -> None:
    text = '(module (func $leaf (local i64)) (func $mid call $leaf) (func (export "main") call $mid))'
    # 64 + 64 + 72 = 200
    assert ran(text, rest=200).end == "returned"
    ended = ran(text, rest=199)
    assert (ended.end, ended.used, ended.frames) == ("stack_overflow", 0, ())


def test_a_counted_entry_reserves_the_uncounted_functions_below_it() -> None:
    text = """(module (func $leaf (local i64 i64 i64))
        (func $f (export "main") (param i32)
          local.get 0 if local.get 0 i32.const 1 i32.sub call $f else call $leaf end))"""
    # f 88, leaf 88: main(2) has three activations of f and leaf below.
    assert ran(text, [2], rest=4 * 88).end == "returned"
    assert ran(text, [2], rest=4 * 88 - 1).end == "stack_overflow"


def test_an_indirect_cycle_is_counted_at_run_time() -> None:
    text = """(module (type $t (func (param i32)))
        (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (export "main") (type $t)
          local.get 0 i32.eqz if return end
          local.get 0 i32.const 1 i32.sub i32.const 0 call_indirect (type $t)))"""
    # frame 88; a step down: entry 2, get, eqz, if 3; get, const, sub, const 4, call_indirect 8; the last: 5 + return 1.
    assert (ran(text, [4], rest=5 * 88).end, ran(text, [4], rest=5 * 88).used) == ("returned", 4 * 17 + 6)
    ended = ran(text, [4], rest=5 * 88 - 1)
    assert (ended.end, ended.used) == ("stack_overflow", 4 * 17)


def test_the_stack_check_of_the_callee_comes_before_its_entry_charge() -> None:
    text = '(module (func $f (export "main") (local i64 i64) call $f))'
    # An activation pays 2 + 2 + 3 and takes 80. With fuel 13 the second entry cannot be paid; with rest 159 it does not get there.
    assert ran(text, fuel=13, rest=160).end == "out_of_gas"
    ended = ran(text, fuel=13, rest=159)
    assert (ended.end, ended.used) == ("stack_overflow", 7)


def test_host_functions_see_what_is_left_below_their_caller() -> None:
    host = Scripted()
    text = '(module (import "env" "h" (func $h)) (func $f (local i64) call $h) (func (export "main") call $h call $f))'
    ran(text, host=host, rest=1000)
    assert [rest for *_, rest in host.seen] == [1000 - 64, 1000 - 64 - 72]


NESTED = """(module (import "env" "back" (func $back (param i32)))
    (func (export "main") (param i32) local.get 0 call $back)
    (func (export "inner") (local i64)))"""


@pytest.mark.parametrize(
    ("rest", "outcome"), [(80 + 512 + 72, Returned(())), (80 + 512 + 71, "stack_overflow"), (80 + 511, "stack_overflow")]
)
def test_a_callback_gets_the_callers_rest_less_a_constant(rest: int, outcome: Returned | str) -> None:
    # main is counted only if the import re-enters, which is not said here; its frame is 8 * (1 + 1) + 64 = 80, its bound the same.
    outcomes: list[Returned | Trapped] = []

    def back(_args, _view):
        return CallBack("inner", (), lambda found: (outcomes.append(found), Return())[1])

    ended = ran(NESTED, [1], host=Scripted(back=back), rest=rest, reentering=())
    assert ended.end == "returned"
    found = outcomes[0]
    assert (found.kind.value if isinstance(found, Trapped) else found) == outcome


def test_callbacks_nest_as_deep_as_the_budget_allows_without_nesting_python_calls() -> None:
    text = """(module (import "env" "back" (func $back))
        (func (export "main") call $back))"""
    depth = 0
    overflows = []

    def back(_args, _view):
        nonlocal depth
        depth += 1
        return CallBack("main", (), lambda found: (overflows.append(found), Return())[1])

    ended = ran(text, host=Scripted(back=back), reentering={("env", "back")})
    # Each level takes 64 for main and 512 for the nested call: 4194304 = 7281 * 576 + 448, and main still fits into those 448.
    assert ended.end == "returned"
    assert depth == 7282
    assert [isinstance(found, Trapped) for found in overflows] == [True] + [False] * 7281
    # main: entry 2, call 3, each level.
    assert ended.used == 7282 * 5


def test_reachable_operators_take_two_bytes_each_and_structure_takes_none() -> None:
    # get, eqz, if, return; get, const, sub, call: 8 operators; block, loop, end, else and nop are none, nor are dead ones.
    text = """(module (func $f (export "main") (param i32)
        nop block loop local.get 0 i32.eqz if return i64.const 9 drop else nop end end end
        local.get 0 i32.const 1 i32.sub call $f))"""
    plan = plans(text, schedule=Schedule.current())[0]
    assert plan == StackPlan(8 * (1 + 2) + 2 * 8 + 64, True, 8 * (1 + 2) + 2 * 8 + 64)


def test_a_function_of_many_shared_sums_takes_what_a_compiler_may_keep_of_them() -> None:
    # 500 times get, const, add, drop, and a call of itself: 2,002 operators, two values at once.
    shared = "".join(f"local.get 0 i32.const {n} i32.add drop " for n in range(500))
    plan = plans(f"(module (func $f (param i32) {shared} local.get 0 call $f))", schedule=Schedule.current())[0]
    assert plan.frame == 8 * (1 + 2) + 2 * 2002 + 64


def test_the_whole_budget_under_the_schedule_in_force() -> None:
    # a frame is 88 + 2 * 8 = 104: get, eqz, if, return, get, const, sub, call; 4194304 // 104 = 40329 activations
    assert ran(DOWN, [40_328], schedule=Schedule.current()).end == "returned"
    assert ran(DOWN, [40_329], schedule=Schedule.current()).end == "stack_overflow"
