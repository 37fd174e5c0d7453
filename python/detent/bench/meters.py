"""Suite ``meters``: what metering costs, against no meter and against the machine's own code."""

from __future__ import annotations

import ctypes
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

from detent import _core
from detent.bench import guests
from detent.bench.figures import Figures, by_round, geomean, ratio
from detent.errors import error

if TYPE_CHECKING:
    from collections.abc import Callable

#: Work of each workload: a few milliseconds.
SIZES = {
    "tiny_loop": 5_000_000,
    "fib": 29,
    "branchy_sort": 50,
    "br_table_interpreter": 60_000,
    "allocator": 100_000,
    "call_indirect": 2_000_000,
    "hashing": 10_000,
    "f64_bodies": 100_000,
    "big_integers": 200_000,
}
#: plain: the module as it is; none: the same with the engine's NaN canonicalisation;
#: uncharged: our form without its charges; fuel: the engine's own; hostcall: a call per
#: block; form: ours, with one NaN, the stack rule and the gas.
METERS = ("plain", "none", "uncharged", "fuel", "hostcall", "form")
#: Compiled copies at other addresses that take turns: branch predictors treat two copies of recursive code differently by a third.
PLACEMENTS = 9
#: Wasm has no 64 x 64 -> 128 multiplication, so this one measures an instruction set, not an engine.
APART = "big_integers"


def _native(name: str, size: int) -> Callable[[], float]:
    function = getattr(ctypes.CDLL(str(guests.workloads_native())), name)
    function.restype, function.argtypes = ctypes.c_uint64, [ctypes.c_uint32]

    def work() -> float:
        begun = time.perf_counter_ns()
        function(size)
        return float(time.perf_counter_ns() - begun)

    return work


def _engine(placed: list[_core.MeterBench], name: str, size: int) -> Callable[[], float]:
    turns = cycle(placed)
    return lambda: float(next(turns).time(name, size))


def measure(*, quick: bool) -> dict[str, Any]:
    """Times every workload under every meter, on Cranelift, and natively; checks that all results agree."""
    figures = Figures()
    wasm = guests.workloads_wasm()
    benches = {meter: [_core.MeterBench(wasm, meter) for _ in range(PLACEMENTS)] for meter in METERS}
    over: dict[str, list[float]] = {meter: [] for meter in METERS[1:]}
    over_unmetered = []
    native_ratios = []
    for name, full in SIZES.items():
        size = max(full // 50, 12) if quick and name != "fib" else 15 if quick else full
        expected = getattr(ctypes.CDLL(str(guests.workloads_native())), name)
        expected.restype, expected.argtypes = ctypes.c_uint64, [ctypes.c_uint32]
        want = int(expected(size))
        for meter, bench in benches.items():
            got = bench[0].run(name, size)
            if got != want:
                raise error("node_fault", f"{name} gives {got:#x} under {meter}, natively {want:#x}")
        works: dict[str, Callable[[], float]] = {meter: _engine(bench, name, size) for meter, bench in benches.items()}
        works["native"] = _native(name, size)
        taken = by_round(3 if quick else 5 * PLACEMENTS, works)
        for meter in METERS[1:]:
            over[meter].append(ratio(taken[meter], taken["plain"]))
            figures.add(f"{meter}_overhead_{name}", over[meter][-1], "ratio")
        # unmetered: the faster of the two ways to have one NaN and no meter, so that a cheaper NaN rule does not pay for the meter
        over_unmetered.append(max(ratio(taken["form"], taken[base]) for base in ("none", "uncharged")))
        figures.add(f"default_overhead_{name}", over_unmetered[-1], "ratio")
        native = ratio(taken["native"], taken["form"])
        figures.add(f"native_ratio_{name}", native, "ratio")
        if name != APART:
            native_ratios.append(native)
    figures.add("default_overhead_geomean", geomean(over_unmetered), "ratio")
    figures.add("default_overhead_max", max(over_unmetered), "ratio")
    figures.add("form_over_plain_geomean", geomean(over["form"]), "ratio")
    figures.add("form_over_plain_max", max(over["form"]), "ratio")
    figures.add("engine_nan_overhead_geomean", geomean(over["none"]), "ratio")
    figures.add("engine_fuel_overhead_geomean", geomean(over["fuel"]), "ratio")
    figures.add("host_call_overhead_geomean", geomean(over["hostcall"]), "ratio")
    figures.add("native_ratio_geomean", geomean(native_ratios), "ratio")
    figures.notes.append(
        "default overhead = our form / the faster unmetered module with one NaN; the others = time / time of the module as it is"
    )
    figures.notes.append("native ratio = native time / our time, big integers apart")
    return figures.result()
