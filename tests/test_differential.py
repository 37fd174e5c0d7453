"""The protocol is a document: the specification in Python and every engine of the core agree on outcome and gas."""

from __future__ import annotations

import pytest

import detent
from detent import _core, spec
from modules import CASES, SHARED, Case

ENGINES = _core.engines()
LIMIT = 3_000_000


def expected(wasm: bytes, case: Case, fuel: int) -> tuple[str, int, list[int]]:
    ended = spec.run(wasm, case.entry, case.args, fuel=fuel)
    return str(ended.end), ended.used, list(ended.results)


def actual(wasm: bytes, case: Case, fuel: int, engine: str) -> tuple[str, int, list[int]]:
    done = detent.run(wasm, case.entry, args=case.args, fuel=fuel, engine=engine)
    return done.end, done.fuel_used, list(done.results)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_outcome_and_gas_equal_the_specification(case: Case, engine: str) -> None:
    wasm = _core.wat2wasm(case.text)
    assert actual(wasm, case, LIMIT, engine) == expected(wasm, case, LIMIT)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_out_of_gas_at_every_limit_around_what_is_used(case: Case) -> None:
    wasm = _core.wat2wasm(case.text)
    outcome, used, results = expected(wasm, case, LIMIT)
    if outcome == "out_of_gas":
        pytest.skip("endless: every limit is used up")
    for limit in range(max(used - 50, 0), used + 2):
        want = expected(wasm, case, limit)
        for engine in ENGINES:
            assert actual(wasm, case, limit, engine) == want, (limit - used, engine)
        if limit >= used and want[0] != "out_of_gas":
            assert want == (outcome, used, results)
        if limit < used:
            assert want[:2] == ("out_of_gas", limit)


@pytest.mark.parametrize("case", SHARED, ids=[case.name for case in SHARED])
def test_shared_values_of_a_compiler_do_not_exhaust_the_native_stack(case: Case) -> None:
    wasm = _core.wat2wasm(case.text)
    fuel = 500_000_000
    found = {engine: actual(wasm, case, fuel, engine) for engine in ENGINES}
    assert {outcome for outcome, _, _ in found.values()} == {"stack_overflow"}
    assert len({used for _, used, _ in found.values()}) == 1
