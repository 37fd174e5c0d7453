"""``detent demo``: the main job end to end, with the process killed in the middle."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from detent import _core, samples
from detent.chain import Chain
from detent.demo.plan import SHARE, TOKEN_NAME, Plan
from detent.errors import DetentError, error

#: The example's source, when the package runs from its repository.
SOURCE = Path(__file__).resolve().parents[3] / "examples" / "token"


@dataclass
class Tally:
    """What the workers said."""

    sealed: int = 0
    gas: int = 0
    transactions: int = 0
    signing: float = 0.0
    seconds: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    lost: int = 0
    trouble: str | None = None


def _contract(console: Console) -> Path:
    """The token: built from source where the source and a compiler are, else the packaged one."""
    if SOURCE.is_dir():
        try:
            with console.status("building the token from source"):
                from detent.toolchain import build  # noqa: PLC0415 - not needed for the packaged contract

                return build(SOURCE).wasm
        except DetentError as problem:
            console.print(f"[yellow]{problem.detail}[/yellow]; using the packaged token", markup=True)
    return samples.token()


def _worker(plan: Plan, folder: Path, wasm: Path, tally: Tally, *, kill_after: float | None, progress: Any) -> bool:
    """Runs one worker to its end, or kills it; true when the plan is finished."""
    command = [sys.executable, "-m", "detent.demo.worker", str(folder), str(wasm)]
    command += [str(plan.transfers), str(plan.accounts), str(plan.block_size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        timer = None
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            process.kill()

        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "opened" in said:
                if said["opened"] < tally.sealed:
                    tally.lost += tally.sealed - said["opened"]
                if kill_after is not None:
                    timer = threading.Timer(kill_after, kill)
                    timer.start()
            elif "sealed" in said:
                tally.sealed = said["sealed"]
                tally.gas += said["gas"]
                tally.transactions += said["transactions"]
                tally.signing += said["signing"]
                tally.seconds.update(said["seconds"])
                progress(tally.sealed)
            else:
                tally.trouble = line
        process.wait()
        if timer is not None:
            timer.cancel()
    if killed.is_set() and tally.sealed < plan.blocks:
        tally.kills += 1
        return False
    if process.returncode != 0:
        raise error("demo_failed", tally.trouble or f"the worker ended with code {process.returncode}")
    return True


def run_demo(
    *, transfers: int, accounts: int, block_size: int, kills: int, folder: Path | None, seed: int, quiet: bool = False
) -> dict[str, Any]:
    """Runs the demo and returns its figures; ``ok`` says whether every check held."""
    if accounts < 2 or transfers < 1 or block_size < 1:
        raise error("argument_wrong", "the demo needs two accounts, one transfer and blocks of at least one")
    if block_size > 16 * accounts:
        raise error("argument_wrong", f"blocks of {block_size} need at least {-(-block_size // 16)} accounts: a nonce window has 16")
    plan = Plan(transfers, accounts, block_size)
    chance = random.Random(seed)
    console = Console(quiet=quiet, stderr=True)
    begun = time.perf_counter()
    with ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="detent-demo-")))
        wasm = _contract(console)
        built = time.perf_counter()
        tally = Tally()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("blocks"), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=quiet) as bar:
            task = bar.add_task("signed transfers", total=plan.blocks)
            for left in range(kills, -1, -1):
                # spread over the work that remains, so that each kill falls into running blocks
                wait = None if left == 0 else chance.uniform(0.0, 0.2 + 12.0 * transfers / 100_000 / kills)
                if _worker(plan, where, wasm, tally, kill_after=wait, progress=lambda height: bar.update(task, completed=height)):
                    break
        ran = time.perf_counter()
        result = _verify(plan, where, console)
    seconds = {name: round(value, 3) for name, value in tally.seconds.items()}
    busy = sum(tally.seconds.values())
    count = max(tally.transactions, 1)
    result |= {
        "transactions": tally.transactions,
        "gas_used": tally.gas,
        "gas_per_transaction": tally.gas // count,
        "kills": tally.kills,
        "blocks_lost": tally.lost,
        "rate_with_signatures_per_second": round(count / busy) if busy else None,
        "rate_without_signatures_per_second": round(count / (busy - tally.seconds["signatures"])) if busy else None,
        "seconds": {
            "build": round(built - begun, 3),
            "make_and_sign": round(tally.signing, 3),
            **seconds,
            "until_done": round(ran - begun, 3),
        },
    }
    result["ok"] = bool(result["replay_equal"] and result["balances_right"] and result["supply_right"] and tally.lost == 0)
    return result


def _verify(plan: Plan, folder: Path, console: Console) -> dict[str, Any]:
    """Reopens the chain, reads every balance, and replays every block on the other engine."""
    keys = _core.Key.from_seeds(plan.seeds())
    with Chain(folder) as chain:
        if chain.height != plan.blocks:
            raise error("demo_failed", f"the chain stands at block {chain.height}, not {plan.blocks}")
        token = chain.contract(TOKEN_NAME)
        with console.status("checking every balance"):
            held = [token.view("balance_of", key.address).value for key in keys]
            supply = token.view("total_supply").value
        with console.status("replaying on wasmi"):
            begun = time.perf_counter()
            replay = chain.replay("wasmi")
            took = time.perf_counter() - begun
        return {
            "height": chain.height,
            "state_root": "0x" + chain.state_root.hex(),
            "replay_root": replay["state_root"],
            "replay_equal": bool(replay["equal"]),
            "replay_engine": "wasmi",
            "replay_seconds": round(took, 3),
            "balances_right": held == plan.balances(),
            "supply_right": supply == SHARE * plan.accounts == sum(held),
        }
