"""Suite ``python``: what one call costs from Python, and what a batch costs over the core's own time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from detent import _core, samples
from detent.bench import guests
from detent.bench.figures import Figures, interleaved
from detent.chain import Chain, Genesis
from detent.contracts import Interface, encode_call
from detent.demo.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from detent.contracts import Contract


def _single(chain: Chain, token: Contract, count: int) -> Callable[[], float]:
    alice, bob = chain.accounts("alice", "bob")

    def work() -> float:
        used = 0
        with chain.block():
            begun = time.perf_counter()
            for _ in range(count):
                used += token.transfer(bob, 1, sender=alice).gas_used
            taken = time.perf_counter() - begun
        if used <= 0:
            raise AssertionError("a transfer without gas")
        return taken / count * 1e6

    return work


def measure(*, quick: bool) -> dict[str, Any]:
    """Calls in an open block, receipts read; a signed batch against the time the core itself reports."""
    figures = Figures()
    count, rounds = (50, 3) if quick else (1000, 15)
    with Chain() as chain:
        alice = chain.account("alice")
        supply = 10**12
        raw = chain.deploy(guests.raw_token(), supply, sender=alice, name="raw-token")
        typed = chain.deploy(samples.token(), supply, sender=alice, name="typed-token")
        taken = interleaved(rounds, {"raw": _single(chain, raw, count), "typed": _single(chain, typed, count)})
    figures.add("single_transfer_us", taken["raw"], "us")
    figures.add("single_typed_transfer_us", taken["typed"], "us")

    plan = Plan(transfers=200 if quick else 4000, accounts=100, block_size=1000)
    keys = _core.Key.from_seeds(plan.seeds())
    code = samples.token().read_bytes()
    interface = Interface.of(code)

    def batch() -> float:
        with Chain(genesis=Genesis(balances=plan.genesis(keys).balances)) as chain:
            for height in range(1, 2 + plan.share_blocks):
                chain.run_batch(plan.sign_block(height, keys, code, interface, chain.chain_id))
            signed = [
                one
                for height in range(2 + plan.share_blocks, plan.blocks + 1)
                for one in plan.sign_block(height, keys, code, interface, chain.chain_id)
            ]
            begun = time.perf_counter()
            done = chain.run_batch(signed, block_size=plan.block_size)
            taken = time.perf_counter() - begun
        if done.succeeded != plan.transfers:
            raise AssertionError(f"{done.succeeded} of {plan.transfers} transfers succeeded")
        return taken / sum(done.seconds.values())

    ratio = interleaved(1 if quick else 5, {"batch": batch})["batch"]
    figures.add("batch_over_rust", ratio, "ratio")
    begun = time.perf_counter()
    for _ in range(10_000):
        encode_call("transfer", b"")
    figures.notes.append(f"encoding a call's envelope in Python: {(time.perf_counter() - begun) * 100:.2f} us")
    figures.notes.append(
        "single: unsigned, open block, no commitment; batch: Python's wall time over the sum the core reports for its parts"
    )
    return figures.result()
