"""Suite ``transfers``: token transfers on one core, signatures and commitment excluded, fresh instance, overlay and event included."""

from __future__ import annotations

import json
import statistics
from typing import Any

from detent import _core, samples
from detent.bench import guests
from detent.bench.figures import Figures

#: New slots of a typed transfer (sender's and receiver's balance), and Poseidon2 permutations of each after the remembered prefix.
SLOTS = 2
PERMUTATIONS = 2


def _median(token: bytes, *, typed: bool, transactions: int, accounts: int, rounds: int) -> dict[str, Any]:
    runs = [json.loads(_core.bench_transfers(token, typed, transactions, accounts, 10_000)) for _ in range(rounds)]
    return {
        "contract": statistics.median(run["contract"]["per_second"] for run in runs),
        "plain": statistics.median(run["plain"]["per_second"] for run in runs),
        "native": statistics.median(run["native_per_second"] for run in runs),
        "permutation": statistics.median(run["poseidon2_permutation_ns"] for run in runs),
    }


def measure(*, quick: bool) -> dict[str, Any]:
    """Raw slots among a thousand accounts; the token of ``examples/token`` among a million cold ones. Every run checks all balances
    and recomputes the root."""
    figures = Figures()
    raw = _median(guests.raw_token(), typed=False, transactions=2_000 if quick else 200_000, accounts=1_000, rounds=1 if quick else 5)
    token = samples.token().read_bytes()
    cold = {"transactions": 2_000 if quick else 200_000, "accounts": 2_000 if quick else 1_000_000}
    typed = _median(token, typed=True, **cold, rounds=1)
    figures.add("contract_transfers_per_second_one_core", raw["contract"], "1/s")
    figures.add("typed_transfers_per_second_one_core", typed["contract"], "1/s")
    figures.add("plain_transfers_per_second_one_core", raw["plain"], "1/s")
    figures.add("native_logic_per_second", raw["native"], "1/s")
    figures.add("contract_over_native_logic", raw["contract"] / raw["native"], "ratio")
    figures.add("poseidon2_permutation_ns", typed["permutation"], "ns")
    floor = 1e9 / (SLOTS * PERMUTATIONS * typed["permutation"])
    figures.add("typed_poseidon2_floor_per_second", floor, "1/s")
    figures.add("typed_over_poseidon2_floor", typed["contract"] / floor, "ratio")
    figures.notes.append(f"floor: {SLOTS * PERMUTATIONS} permutations a typed transfer, nothing else")
    return figures.result()
