"""The promise of section 3: for every end but out of gas, prepaid blocks less refunds are the operators that executed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from random_modules import modules
from spec_cases import wat

from detent.spec import CallBack, Ended, Fail, Return, Returned, Stop, executed_cost, run
from detent.spec.host import Action, View
from detent.spec.module import Import

REENTERS = {("env", "h")}
FUEL = 30_000


class Mischief:
    """Answers by its argument: charges, calls back, passes traps on, stops, traps, writes; and keeps a log of everything it saw."""

    def __init__(self) -> None:
        self.log: list[object] = []

    def call(self, imported: Import, args: tuple[int, ...], view: View) -> Action:
        self.log.append((imported.name, args, view.fuel, view.rest, view.pages))
        view.charge(args[0] % 17)
        match args[0] % 8:
            case 1 | 3 | 7:
                return CallBack(f"f{args[0] % 3}", [args[0] // 2], lambda outcome: self.after(outcome, args[0], view))
            case 2:
                return Stop("stopped")
            case 4:
                return Fail("refused")
            case _:
                return Return([args[0] ^ 5])

    def after(self, outcome: object, given: int, view: View) -> Action:
        self.log.append((outcome, view.fuel))
        if isinstance(outcome, Returned):
            return Return(outcome.values)
        return Return([6]) if given % 2 else Fail("passed on")


def state(ended: Ended) -> object:
    assert ended.instance is not None and ended.instance.memory is not None
    instance = ended.instance
    return instance.memory.content, instance.globals, instance.tables[0].elements, instance.data, instance.elements


def both(text: str, argument: int, fuel: int, rest: int) -> tuple[Ended, Mischief, Ended, Mischief]:
    blocks, operators = Mischief(), Mischief()
    options = {"fuel": fuel, "rest": rest, "reentering": REENTERS, "instance_charge": False}
    prepaid = run(wat(text), "f2", [argument], host=blocks, **options)
    executed = executed_cost(wat(text), "f2", [argument], host=operators, **options)
    return prepaid, blocks, executed, operators


def hold(prepaid: Ended, blocks: Mischief, executed: Ended, operators: Mischief) -> None:
    if prepaid.end == "out_of_gas":
        # Gas is exact at host calls: up to where the block could not be paid, both saw the same.
        assert operators.log[: len(blocks.log)] == blocks.log
        return
    assert (prepaid.end, prepaid.used, prepaid.results, prepaid.detail) == (executed.end, executed.used, executed.results, executed.detail)
    assert blocks.log == operators.log
    assert state(prepaid) == state(executed)


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
pytestmark = pytest.mark.slow
RANDOM = settings(max_examples=1500, deadline=None, derandomize=True, database=None, suppress_health_check=CHECKS)


@RANDOM
@given(text=modules(), argument=st.integers(0, 40), rest=st.sampled_from([600, 3000, 100_000]))
def test_block_accounting_equals_operator_accounting(text: str, argument: int, rest: int) -> None:
    note(text)
    outcome = both(text, argument, FUEL, rest)
    hold(*outcome)


@RANDOM
@given(text=modules(), argument=st.integers(0, 40), data=st.data())
def test_out_of_gas_is_monotone_and_keeps_the_whole_limit(text: str, argument: int, data: st.DataObject) -> None:
    note(text)
    options = {"rest": 3000, "reentering": (), "instance_charge": False}
    whole = run(wat(text), "f2", [argument], fuel=FUEL, **options)  # type: ignore[arg-type]
    fuel = data.draw(st.integers(0, whole.used + 60))
    limited = run(wat(text), "f2", [argument], fuel=fuel, **options)  # type: ignore[arg-type]
    if limited.end == "out_of_gas":
        assert limited.used == fuel
        if fuel < FUEL:
            more = run(wat(text), "f2", [argument], fuel=max(fuel - 1, 0), **options)  # type: ignore[arg-type]
            assert more.end == "out_of_gas"
    else:
        assert fuel >= whole.used
        assert limited == whole


def test_the_random_modules_reach_every_kind_of_end() -> None:
    """What the two tests above are worth depends on this."""
    ends: Counter[str] = Counter()
    refunds = 0

    @settings(RANDOM)
    @given(text=modules(), argument=st.integers(0, 40), rest=st.sampled_from([600, 3000]))
    def collect(text: str, argument: int, rest: int) -> None:
        nonlocal refunds
        ended = run(wat(text), "f2", [argument], host=Mischief(), fuel=FUEL, rest=rest, reentering=REENTERS, instance_charge=False)
        ends[ended.end.value] += 1
        refunds += any(frame.refund for frame in ended.frames)

    collect()
    wanted = "unreachable memory_out_of_bounds table_out_of_bounds indirect_call_to_null bad_signature integer_overflow host"
    wanted += " integer_division_by_zero bad_conversion_to_integer"
    assert {"returned", "stopped", "out_of_gas", "stack_overflow", *(f"trapped:{kind}" for kind in wanted.split())} <= set(ends), ends
    assert refunds >= 100


def test_both_accountants_pay_a_free_round_before_a_cut() -> None:
    """Rare in random modules: after a loop's header nothing but `end`s up to one that cuts, and costs behind it."""
    # 2 + const, br_if (or if) 2; the free round 1; const, drop behind the cut 2.
    for body in ("block $b i32.const 0 br_if $b loop end end i32.const 1 drop", "i32.const 1 if loop nop end end i32.const 1 drop"):
        wasm = wat(f'(module (func (export "main") {body}))')
        options = {"fuel": 100, "instance_charge": False}
        assert run(wasm, "main", **options).used == executed_cost(wasm, "main", **options).used == 7, body  # type: ignore[arg-type]
