"""A chain as its users see it: outcomes, blocks, snapshots, durability, refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import detent
from detent import _core, samples
from detent.chain import DEFAULT_GAS, Genesis
from detent.contracts import encode_call
from detent.errors import DetentError
from detent.toolchain import ContractAbi, Function, package
from detent.toolchain import abi as section
from detent.toolchain.wasm import Module


@pytest.fixture
def chain() -> detent.Chain:
    return detent.Chain()


def test_a_token_moves_and_its_receipt_tells(chain: detent.Chain) -> None:
    alice, bob = chain.accounts("alice", "bob")
    token = chain.deploy(samples.token(), 1_000, sender=alice)
    receipt = token.transfer(bob, 250, sender=alice)
    assert receipt.ok
    assert receipt.value is True or receipt.value is None
    event = receipt.events[0]
    assert event.name == "Transfer"
    assert event["from"] == alice.address
    assert event["to"] == bob.address
    assert event["amount"] == 250
    assert token.balance_of(bob) == 250
    assert token.balance_of(alice) == 750
    assert token.total_supply() == 1_000
    assert receipt.fee_paid > 0


def test_a_revert_is_an_outcome_and_leaves_only_its_fee_and_nonce(chain: detent.Chain) -> None:
    alice, bob = chain.accounts("alice", "bob")
    token = chain.deploy(samples.token(), 1_000, sender=alice)
    held, nonce = bob.balance, bob.nonce
    receipt = token.transfer(alice, 1, sender=bob)
    assert receipt.outcome == "revert"
    assert receipt.revert_reason
    assert receipt.events == []
    assert bob.balance == held - receipt.fee_paid
    assert bob.nonce == nonce + 1
    assert token.balance_of(alice) == 1_000


def test_value_is_conserved_by_native_transfers(chain: detent.Chain) -> None:
    alice, bob = chain.accounts("alice", "bob")
    before = alice.balance + bob.balance
    receipt = chain.transfer(bob, 12345, sender=alice)
    assert receipt.ok
    assert receipt.gas_used == 21_000
    assert alice.balance + bob.balance == before - receipt.fee_paid


def contract(name: str, text: str, *functions: Function) -> bytes:
    """A contract written in text."""
    return package(_core.wat2wasm(text), ContractAbi(name, "0.1.0", functions))


def test_out_of_gas_uses_the_whole_limit(chain: detent.Chain) -> None:
    alice = chain.account("alice")
    text = '(module (memory (export "memory") 1) (func (export "spin") (loop $l (br $l))))'
    endless = chain.deploy(contract("endless", text, Function("spin", ("entry",))), sender=alice)
    held = alice.balance
    receipt = endless.spin(sender=alice, gas=50_000)
    assert receipt.outcome == "halt"
    assert receipt.reason == "out_of_gas"
    assert receipt.gas_used == 50_000
    assert alice.balance == held - receipt.fee_paid


def test_an_abi_that_contradicts_the_module_is_refused(chain: detent.Chain) -> None:
    text = '(module (memory (export "memory") 1) (func (export "f") (param i32)))'
    abi = section.encode(ContractAbi("odd", "0.1.0", (Function("f", ("entry",)), Function("g", ("view", "payable")))))
    code = Module(_core.wat2wasm(text)).with_custom(section.SECTION, abi).to_bytes()
    names = {reason.name for reason in detent.check(code).reasons}
    assert {"abi_inconsistent", "export_missing"} <= names
    with pytest.raises(DetentError, match="deploy_failed"):
        chain.deploy(code, sender=chain.account("alice"))


def test_a_view_that_fails_raises(chain: detent.Chain) -> None:
    text = '(module (memory (export "memory") 1) (func (export "ask") (unreachable)))'
    broken = chain.deploy(contract("broken", text, Function("ask", ("entry", "view"))), sender=chain.account("alice"))
    with pytest.raises(DetentError, match="view_failed"):
        broken.ask()


def test_snapshots_revert_state_height_and_root(chain: detent.Chain) -> None:
    alice, bob = chain.accounts("alice", "bob")
    token = chain.deploy(samples.token(), 1_000, sender=alice)
    first = chain.snapshot()
    height, root = chain.height, chain.state_root
    token.transfer(bob, 10, sender=alice)
    second = chain.snapshot()
    token.transfer(bob, 10, sender=alice)
    assert token.balance_of(bob) == 20
    chain.revert_to(second)
    assert token.balance_of(bob) == 10
    chain.revert_to(first)
    assert token.balance_of(bob) == 0
    assert (chain.height, chain.state_root) == (height, root)
    assert token.transfer(bob, 3, sender=alice).ok


def test_one_block_for_several_calls(chain: detent.Chain) -> None:
    alice, bob = chain.accounts("alice", "bob")
    token = chain.deploy(samples.token(), 1_000, sender=alice)
    height = chain.height
    with chain.block():
        for _ in range(5):
            assert token.transfer(bob, 1, sender=alice).ok
        assert token.balance_of(bob) == 5
    assert chain.height == height + 1
    block = chain.get_block(chain.height)
    assert block is not None
    assert block.transactions == 5


def test_a_durable_chain_opens_where_it_was_closed(tmp_path: Path) -> None:
    with detent.Chain(tmp_path / "store") as chain:
        alice, bob = chain.accounts("alice", "bob")
        token = chain.deploy(samples.token(), 1_000, sender=alice)
        receipt = token.transfer(bob, 9, sender=alice)
        height, root = chain.height, chain.state_root
    with detent.Chain(tmp_path / "store") as chain:
        assert (chain.height, chain.state_root) == (height, root)
        assert chain.contract(token.address).balance_of(chain.account("bob")) == 9
        found = chain.get_receipt(receipt.tx_hash)
        assert found is not None
        assert found.core.to_bytes() == receipt.core.to_bytes()
        assert chain.replay("wasmi")["equal"]


def test_a_store_is_locked_while_it_is_open(tmp_path: Path) -> None:
    with detent.Chain(tmp_path / "store"):
        with pytest.raises(DetentError, match="store_locked"):
            detent.Chain(tmp_path / "store")
        other = f"""
import detent
try:
    detent.Chain({str(tmp_path / "store")!r})
except detent.DetentError as problem:
    print(problem.name)
"""
        done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "store_locked"


def test_signed_transactions_are_checked() -> None:
    with detent.Chain() as chain:
        alice, bob = chain.accounts("alice", "bob")
        token = chain.deploy(samples.token(), 1_000, sender=alice)
        interface = token.interface
        data = encode_call("transfer", interface.encoder("transfer")((bob.address, 5)))

        def signed(**changes: int) -> bytes:
            fields = {"value": 0, "gas_limit": DEFAULT_GAS, "nonce": alice.nonce, "chain_id": chain.chain_id, **changes}
            return alice.key.transaction(to=token.address, data=data, **fields)  # type: ignore[arg-type]

        good = signed()
        assert chain.submit(good).ok
        for bad, name in [
            (good, "nonce_used"),
            (signed(nonce=alice.nonce + 99), "nonce_too_high"),
            (signed(chain_id=1), "chain_id_mismatch"),
            (signed(value=10**30), "balance_too_low"),
            (signed(gas_limit=1), "gas_limit_too_low"),
            (good[:-1], "tx_malformed"),
            (b"", "tx_malformed"),
        ]:
            with pytest.raises(DetentError) as problem:
                chain.submit(bad)
            assert problem.value.name == name
        position = bytearray(signed())
        position[-700] ^= 1
        with pytest.raises(DetentError) as problem:
            chain.submit(bytes(position))
        assert problem.value.name in {"signature_invalid", "tx_malformed"}
        assert token.balance_of(bob) == 5


def test_a_production_chain_refuses_unsigned_transactions() -> None:
    chain = detent.Chain(genesis=Genesis(dev=False, balances={"alice": 10**20}))
    with pytest.raises(DetentError, match="dev_only"):
        chain.transfer(bytes(32), 1, sender=_core.Key.from_seed(bytes(32)).address)


def test_wrong_use_has_its_codes(chain: detent.Chain) -> None:
    alice = chain.account("alice")
    token = chain.deploy(samples.token(), 1_000, sender=alice)
    for use, name in [
        (lambda: chain.contract("nobody-has-this"), "contract_unknown"),
        (lambda: chain.balance("0x12"), "address_malformed"),
        (lambda: token.transact("no_such", sender=alice), "function_unknown"),
        (lambda: token.transfer(alice, 1), "not_a_view"),
        (lambda: token.transfer(alice, -1, sender=alice), "value_range"),
        (lambda: token.transfer(alice, "one", sender=alice), "value_type"),
        (lambda: token.transfer(alice, sender=alice), "argument_wrong"),
        (lambda: chain.deploy(samples.token(), 1, sender=alice), "deploy_failed"),
        (lambda: chain.deploy(b"\x00asm", 1, sender=alice), "module_unreadable"),
        (lambda: chain.deploy("/no/such/file.wasm", sender=alice), "file_unreadable"),
        (lambda: chain.revert_to(12345), "snapshot_unknown"),
        (lambda: detent.Chain(engine="no-such"), "engine_unknown"),
    ]:
        with pytest.raises(DetentError) as problem:
            use()
        assert problem.value.name == name


def test_time_and_height_are_what_contracts_see(chain: detent.Chain) -> None:
    height = chain.height
    block = chain.seal()
    assert block.height == height + 1
    assert block.parent == (chain.get_block(height) or block).hash or height == 0
