"""It lives well in a Python process (docs/architecture.md): faulthandler, threads, Ctrl-C, fork, spawn."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

import detent
from detent import samples
from detent.errors import DetentError

TRAP = '(module (memory 1) (func (export "f") (result i32) (i32.load (i32.const -1))))'


def python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_guest_traps_are_outcomes_with_faulthandler_enabled(moment: str) -> None:
    enable = "import faulthandler; faulthandler.enable()"
    done = python(f"""
        {enable if moment == "before" else ""}
        import detent
        assert detent.run('''{TRAP}''', "f").end == "trapped:memory_out_of_bounds"
        {enable if moment == "after" else ""}
        try:
            print(detent.run('''{TRAP}''', "f").end)
        except detent.DetentError as problem:
            print(problem.name)
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {"trapped:memory_out_of_bounds", "signals_replaced"}
    if moment == "before":
        assert done.stdout.strip() == "trapped:memory_out_of_bounds"


def test_two_threads_on_one_chain_serialise() -> None:
    with detent.Chain() as chain:
        alice, bob = chain.accounts("alice", "bob")
        token = chain.deploy(samples.token(), 1000, sender=alice)
        problems: list[BaseException] = []

        def pay() -> None:
            try:
                for _ in range(50):
                    assert token.transfer(bob, 1, sender=alice).ok
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=pay) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        assert token.balance_of(bob) == 200
        assert token.balance_of(alice) == 800


def test_ctrl_c_stops_a_long_batch_at_a_block_boundary_and_the_chain_stays_usable() -> None:
    done = python("""
        import os, signal, threading
        import detent
        from detent import _core
        from detent.chain import Genesis
        from detent.demo.plan import Plan
        from detent.contracts import Interface

        plan = Plan(transfers=20000, accounts=50, block_size=100)
        keys = _core.Key.from_seeds(plan.seeds())
        code = detent.samples.token().read_bytes()
        chain = detent.Chain(genesis=plan.genesis(keys))
        signed = []
        for height in range(1, plan.blocks + 1):
            signed += plan.sign_block(height, keys, code, Interface.of(code), chain.chain_id)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            batch = chain.run_batch(signed, block_size=100)
            print("interrupted False", len(batch.blocks))
        except KeyboardInterrupt:
            print("interrupted True")
        before = chain.height
        assert 0 < before < plan.blocks, before
        rest = chain.run_batch(signed[:1], block_size=100)
        assert rest.refused, "an included transaction was taken twice"
        alice = chain.account("alice")
        assert chain.transfer(alice, 1, sender=keys[1].address).ok
        assert chain.replay("wasmi")["equal"]
        print("usable")
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("interrupted True")
    assert done.stdout.splitlines()[-1] == "usable"


def test_a_forked_child_is_refused_and_the_parent_goes_on() -> None:
    done = python("""
        import os
        import detent
        chain = detent.Chain()
        alice, bob = chain.accounts("alice", "bob")
        token = chain.deploy(detent.samples.token(), 100, sender=alice)
        pid = os.fork()
        if pid == 0:
            try:
                token.transfer(bob, 1, sender=alice)
                os._exit(1)
            except detent.DetentError as problem:
                ok = problem.name == "engine_forked"
                with detent.Chain() as own:
                    fresh = own.deploy(detent.samples.token(), 100, sender=own.account("alice"))
                    ok = ok and fresh.balance_of(own.account("alice")) == 100
                os._exit(0 if ok else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert token.transfer(bob, 1, sender=alice).ok
    """)
    assert done.returncode == 0, done.stderr


def _work(name: str) -> int:
    with detent.Chain() as chain:
        owner = chain.account(name)
        return int(chain.deploy(samples.token(), 77, sender=owner).balance_of(owner))


def test_spawned_processes_work() -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_work, ["alice", "bob"]) == [77, 77]


def test_a_closed_chain_says_so() -> None:
    chain = detent.Chain()
    chain.close()
    chain.close()
    with pytest.raises(DetentError, match="chain_closed"):
        chain.account("alice")


def test_sigint_outside_a_batch_is_pythons() -> None:
    with pytest.raises(KeyboardInterrupt), detent.Chain() as chain:
        chain.account("alice")
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            chain.balance(bytes(32))
