"""Section 7: what host functions see and how they end a frame. Section 4: what runs before the entry."""

from __future__ import annotations

import pytest
from spec_cases import Scripted, ran

from detent.spec import CallBack, EntryUnknown, Exhaust, Fail, NotAdmitted, OutOfGas, Return, Returned, Stop, TrapKind, Trapped

AFTER = "i32.const 7 drop i32.const 7 drop"


def test_the_fuel_a_host_function_sees_is_exact() -> None:
    host = Scripted()
    text = f"""(module (import "env" "h" (func $h))
        (func $f call $h {AFTER}) (func (export "main") call $h {AFTER} call $f {AFTER}))"""
    ran(text, fuel=100, host=host)
    # entry 2, call 3; four operators, call 3; entry 2, call 3.
    assert [fuel for _, _, fuel, _ in host.seen] == [95, 95 - 7 - 5]


def test_charges_of_the_host_are_charges() -> None:
    text = '(module (import "env" "h" (func $h)) (func (export "main") call $h))'

    def charging(_args, view):
        view.charge(10)
        view.charge(7)
        return Return()

    assert ran(text, fuel=22, host=Scripted(h=charging)).used == 22
    ended = ran(text, fuel=21, host=Scripted(h=charging))
    assert (ended.end, ended.used) == ("out_of_gas", 21)


def test_stop_ends_the_frame_without_a_refund() -> None:
    text = f'(module (import "env" "h" (func $h)) (func $f call $h {AFTER}) (func (export "main") call $f {AFTER}))'
    ended = ran(text, host=Scripted(h=lambda args, view: Stop("return")))
    # entry 2, call 3 in both; callers were cut, so nothing was prepaid.
    assert (ended.end, ended.used, ended.detail, ended.results) == ("stopped", 10, "return", ())


def test_a_trap_of_the_host_gives_back_nothing_for_nothing_was_prepaid() -> None:
    text = f"""(module (import "env" "h" (func $h)) (type $t (func)) (table 1 funcref) (elem (i32.const 0) $h)
        (func $f call $h {AFTER}) (func $g i32.const 0 call_indirect (type $t) {AFTER})
        (func (export "direct") call $f {AFTER}) (func (export "indirect") call $g {AFTER}))"""
    for entry, fuel in (("direct", 10), ("indirect", 5 + 2 + 1 + 8)):
        ended = ran(text, entry=entry, host=Scripted(h=lambda args, view: Fail("no")))
        assert (ended.end, ended.used, ended.detail) == ("trapped:host", fuel, "no")
        assert [frame.refund for frame in ended.frames] == [0, 0]


def test_a_pointer_outside_memory_is_a_trap_at_the_call() -> None:
    text = '(module (import "env" "h" (func $h)) (memory 1) (func (export "main") call $h))'

    def reading(_args, view):
        view.charge(100)
        view.read(65530, 7)
        raise AssertionError("unreachable")

    ended = ran(text, host=Scripted(h=reading))
    assert (ended.end, ended.used) == ("trapped:memory_out_of_bounds", 105)


def test_a_host_can_declare_the_frame_out_of_gas() -> None:
    text = '(module (import "env" "h" (func $h)) (func (export "main") call $h))'

    def raising(_args, _view):
        raise OutOfGas

    for answer in (lambda args, view: Exhaust(), raising):
        ended = ran(text, fuel=1234, host=Scripted(h=answer))
        assert (ended.end, ended.used) == ("out_of_gas", 1234)


def test_arguments_and_results_pass_as_bits() -> None:
    text = """(module (import "env" "h" (func $h (param i32 i64 f32 f64) (result i32 i64 f32)))
        (func (export "main") (result i32 i64 f32)
          i32.const -1 i64.const -2 f32.const -0.0 f64.const nan:0x4 call $h))"""
    host = Scripted(h=lambda args, view: Return([-3, 2**64 + 5, 0x7FA00001]))
    assert ran(text, host=host).results == (2**32 - 3, 5, 0x7FA00001)
    assert host.seen[0][1] == (2**32 - 1, 2**64 - 2, 0x80000000, 0x7FF0000000000004)
    with pytest.raises(TypeError, match="3 results"):
        ran(text, host=Scripted())


def test_without_a_host_imports_trap() -> None:
    ended = ran('(module (import "pyde" "sload" (func $h)) (func (export "main") call $h))')
    assert (ended.end, ended.detail) == ("trapped:host", "no host function pyde.sload")


CALLBACK = f"""(module (import "env" "h" (func $h (param i32) (result i32)))
    (func (export "main") (result i32) i32.const 4 call $h {AFTER})
    (func $deep i32.const 1 i32.const 0 i32.div_s drop {AFTER})
    (func (export "bad") call $deep {AFTER})
    (func (export "good") (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
    (func (export "stop") (result i32) i32.const 0 call $h))"""


def called_back(export: str, args: tuple[int, ...], seen: list[tuple[Returned | Trapped, int]], then=None):
    def answer(given, view):
        if given == (0,):
            return Stop("inner")

        def after(outcome):
            seen.append((outcome, view.fuel))
            return then(outcome) if then else Return([outcome.values[0] if isinstance(outcome, Returned) else 99])

        return CallBack(export, args, after)

    return Scripted(h=answer)


def test_a_callback_runs_on_the_same_gas_and_returns_to_the_host() -> None:
    seen: list[tuple[Returned | Trapped, int]] = []
    ended = ran(CALLBACK, host=called_back("good", (21,), seen), fuel=1000)
    # main: entry 2, const 1, call 3; good: entry 2, 3; the rest of main 4.
    assert (ended.end, ended.results, ended.used) == ("returned", (42,), 6 + 5 + 4)
    assert seen == [(Returned((42,)), 1000 - 11)]


def test_a_trap_in_a_callback_refunds_its_own_activations_and_the_host_decides() -> None:
    seen: list[tuple[Returned | Trapped, int]] = []
    ended = ran(CALLBACK, host=called_back("bad", (), seen), fuel=1000)
    # main 6; bad: entry 2, call 3; deep: entry 2, 1 + 1 + 8; what they prepaid is back when the host sees the trap; main 4.
    assert seen == [(Trapped(TrapKind.INTEGER_DIVISION_BY_ZERO, ""), 1000 - 6 - 17)]
    assert (ended.end, ended.results, ended.used) == ("returned", (99,), 6 + 17 + 4)


def test_a_host_that_passes_the_trap_on_ends_the_outer_entry() -> None:
    ended = ran(CALLBACK, host=called_back("bad", (), [], then=lambda outcome: Fail("inner", outcome.kind)))
    assert (ended.end, ended.used, ended.detail) == ("trapped:integer_division_by_zero", 6 + 17, "inner")
    assert [frame.operator for frame in ended.frames] == ["call"]


def test_stop_and_out_of_gas_in_a_callback_end_the_frame() -> None:
    seen: list[tuple[Returned | Trapped, int]] = []
    ended = ran(CALLBACK, host=called_back("stop", (), seen))
    # main 6; stop: entry 2, const 1, call 3
    assert (ended.end, ended.used, ended.detail) == ("stopped", 12, "inner")
    ended = ran(CALLBACK, host=called_back("good", (1,), seen), fuel=10)
    assert (ended.end, ended.used) == ("out_of_gas", 10)
    assert seen == []


def test_a_callback_to_nothing_is_the_hosts_mistake() -> None:
    with pytest.raises(EntryUnknown):
        ran(CALLBACK, host=called_back("nowhere", (), []))
    with pytest.raises(EntryUnknown):
        ran(CALLBACK, host=called_back("good", (), []))


BEGIN = """(module (import "env" "h" (func $h (param i32)))
    (start $s)
    (func $s i32.const 1 call $h)
    (func (export "_initialize") i32.const 2 call $h)
    (func (export "main") i32.const 3 call $h))"""


def test_start_initialize_and_entry_run_in_this_order_on_one_gas() -> None:
    host = Scripted()
    ended = ran(BEGIN, host=host, fuel=100, rest=500)
    # Each: entry 2, const 1, call 3; each with the whole budget less its frame of 8 + 2 * 2 + 64.
    assert [(args, fuel, rest) for _, args, fuel, rest in host.seen] == [((1,), 94, 424), ((2,), 88, 424), ((3,), 82, 424)]
    assert (ended.end, ended.used) == ("returned", 18)
    assert ran(BEGIN, host=Scripted(), initialize=False).used == 6


def test_a_trap_or_halt_before_the_entry_ends_the_frame() -> None:
    for stopper, fuel in ((1, 6), (2, 12)):
        trapping = Scripted(h=lambda args, view, at=stopper: Fail() if args == (at,) else Return())
        stopping = Scripted(h=lambda args, view, at=stopper: Stop() if args == (at,) else Return())
        assert (ran(BEGIN, host=trapping).end, ran(BEGIN, host=trapping).used) == ("trapped:host", fuel)
        assert (ran(BEGIN, host=stopping).end, ran(BEGIN, host=stopping).used) == ("stopped", fuel)


def test_initialize_of_another_type_is_not_run() -> None:
    assert ran('(module (func (export "_initialize") (result i32) unreachable) (func (export "main")))').used == 2


def test_active_segments_are_applied_before_the_start_function() -> None:
    text = """(module (memory 1) (data (i32.const 0) "\\07") (start $s)
        (table 1 funcref) (elem (i32.const 0) $one) (func $one (result i32) i32.const 1)
        (global $g (mut i32) (i32.const 0))
        (func $s (global.set $g (i32.add (i32.load8_u (i32.const 0)) (call_indirect (result i32) (i32.const 0)))))
        (func (export "main") (result i32) global.get $g))"""
    assert ran(text).results == (8,)


def test_only_exported_defined_functions_with_fitting_arguments_can_be_entered() -> None:
    text = """(module (import "env" "h" (func $h)) (export "import" (func $h))
        (global (export "g") i32 (i32.const 0)) (func (export "main") (param i32)))"""
    for entry, args in (("nowhere", []), ("g", []), ("main", []), ("main", [1, 2])):
        with pytest.raises(EntryUnknown):
            ran(text, args, entry=entry)
    with pytest.raises(NotAdmitted):
        ran(text, entry="import")
    with pytest.raises(NotAdmitted):
        ran('(module (import "env" "h" (func $h)) (start $h) (func (export "main")))')
