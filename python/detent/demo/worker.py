"""The process that is killed: opens the chain, goes on where it stands, says each block that is durable.

    python -m detent.demo.worker FOLDER WASM TRANSFERS ACCOUNTS BLOCK_SIZE

Prints one JSON object a line: ``{"opened": height}``, then ``{"sealed": height, ...}`` after each durable block.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from detent import _core
from detent.chain import Chain
from detent.contracts import Interface
from detent.demo.plan import Plan


def say(**data: Any) -> None:
    """One line, at once: the parent trusts what it has read."""
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def work(folder: Path, wasm: Path, plan: Plan) -> None:
    """Runs the plan's remaining blocks."""
    keys = _core.Key.from_seeds(plan.seeds())
    code = wasm.read_bytes()
    interface = Interface.of(code)
    with Chain(folder, genesis=plan.genesis(keys)) as chain:
        say(opened=chain.height)
        for height in range(chain.height + 1, plan.blocks + 1):
            begun = time.perf_counter()
            signed = plan.sign_block(height, keys, code, interface, chain.chain_id)
            signing = time.perf_counter() - begun
            batch = chain.run_batch(signed, block_size=len(signed))
            if batch.refused or batch.failed:
                say(trouble=[list(one) for one in batch.refused[:3]], failed=batch.failed, height=height)
                raise SystemExit(1)
            block = batch.blocks[0]
            say(sealed=block.height, gas=block.gas_used, transactions=block.transactions, signing=signing, seconds=batch.seconds)


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]), Plan(*(int(text) for text in sys.argv[3:6])))
