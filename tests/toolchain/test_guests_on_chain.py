"""The same guests on the real thing: the gate admits what the toolchain builds, and a chain runs it as :mod:`python_chain` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from projects import PROJECTS
from test_library import CALLS

from detent import codec
from detent.toolchain import BuildResult

pytest.importorskip("detent._core", reason="needs the compiled core")

Built = Callable[[str], BuildResult]


@pytest.fixture
def chain() -> Iterator[Any]:
    import detent  # noqa: PLC0415 - only with the compiled core

    with detent.Chain() as chain:
        yield chain


@pytest.mark.parametrize("name", PROJECTS)
def test_every_built_contract_is_deployed(built: Built, chain: Any, name: str) -> None:
    result = built(name)
    constructor = result.abi.constructor
    zeros = {"uint128": 1000, "address": b"\1" * 32}
    arguments = [zeros[str(param.type)] for param in constructor.params] if constructor else []
    (alice,) = chain.accounts("alice")
    contract = chain.deploy(result.wasm, *arguments, sender=alice)
    assert sorted(contract.interface.functions) == sorted(function.name for function in result.abi.functions)


@pytest.mark.parametrize("name", ["token", "raw_token"])
def test_transfers_move_value_and_tell_of_it(built: Built, chain: Any, name: str) -> None:
    alice, bob = chain.accounts("alice", "bob")
    token = chain.deploy(built(name).wasm, 1000, sender=alice)
    receipt = token.transfer(bob, 300, sender=alice)
    assert (receipt.outcome, token.balance_of(alice), token.balance_of(bob)) == ("success", 700, 300)
    (event,) = receipt.events
    assert (event.name, event.fields) == ("Transfer", {"from": alice.address, "to": bob.address, "amount": 300})
    refused = token.transfer(bob, 701, sender=alice)
    assert (refused.outcome, refused.output, len(refused.events)) == ("revert", b"token: balance", 0)
    assert (token.balance_of(alice), token.balance_of(bob)) == (700, 300)


def test_a_vault_pulls_and_pays_tokens_across_contracts(built: Built, chain: Any) -> None:
    (alice,) = chain.accounts("alice")
    token = chain.deploy(built("token").wasm, 1000, sender=alice)
    vault = chain.deploy(built("vault").wasm, token, sender=alice)
    token.approve(vault, 500, sender=alice)
    receipt = vault.deposit(400, sender=alice)
    assert receipt.value == 400
    assert [event.name for event in receipt.events if event is not None][-1] == "Deposited"
    assert vault.withdraw(150, sender=alice).value == 250
    assert (token.balance_of(vault), vault.balance_of(alice), token.balance_of(alice)) == (250, 250, 750)
    refused = vault.deposit(101, sender=alice)
    assert (refused.outcome, refused.output) == ("revert", b"token: allowance")


@pytest.mark.parametrize("case", CALLS, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_calls_end_as_in_the_small_chain(built: Built, chain: Any, case: tuple[str, str, int, bytes]) -> None:
    contract, function, mode, wanted = case
    (alice,) = chain.accounts("alice")
    probe = chain.deploy(built("probe").wasm, sender=alice)
    target = probe if contract == "probe" else chain.deploy(built(contract).wasm, sender=alice)
    assert probe.ask(target, function, 1, mode, sender=alice).value == wanted


def test_values_of_every_type_pass_in_out_and_through_storage(built: Built, chain: Any) -> None:
    (alice,) = chain.accounts("alice")
    probe = chain.deploy(built("probe").wasm, sender=alice)
    order = {"id": 7, "maker": alice.address, "amount": -(1 << 100), "status": "Cancelled", "tags": [1, 65535], "note": "späť"}
    echoed = probe.echo(order, [order, {**order, "note": None}], "text", b"\1\2\3", -5, True, b"\7" * 32, 9)
    assert echoed == order
    assert probe.store("text", b"\1\2", [1, 2], order, sender=alice).outcome == "success"
    types = built("probe").abi.custom_types()
    wanted = [
        codec.encode(ty, value, types) for ty, value in (("string", "text"), ("bytes", b"\1\2"), ("vec(uint16)", [1, 2]), ("Order", order))
    ]
    assert probe.stored() == wanted
    assert probe.forget(sender=alice).value is True
    assert probe.keys("näme", 258, alice, sender=alice).value is True
    assert probe.slots(b"\5" * 32, sender=alice).value is True


def test_events_are_read_back_as_declared(built: Built, chain: Any) -> None:
    (alice,) = chain.accounts("alice")
    probe = chain.deploy(built("probe").wasm, sender=alice)
    noted, empty = probe.note(-2, "hi", sender=alice).events
    assert noted.fields == {"number": -2, "yes": True, "hash": b"\3" * 32, "text": "hi", "data": b"\4", "list": [5, 6]}
    assert (empty.name, empty.fields) == ("Empty", {})


def test_hashes_are_the_named_ones(built: Built, chain: Any) -> None:
    (alice,) = chain.accounts("alice")
    blake3, keccak, poseidon = chain.deploy(built("probe").wasm, sender=alice).hashes(b"abc")
    assert blake3.hex() == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert keccak.hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    # `poseidon2_abc` of the published ABI vectors.
    assert poseidon.hex() == "9ce9e68058f8b3bad42a28ca0e3c9b383d3188aa4a6fb975fde1d4d81381b8a4"


def test_schema_codes_and_panics_end_the_call(built: Built, chain: Any) -> None:
    (alice,) = chain.accounts("alice")
    probe = chain.deploy(built("probe").wasm, sender=alice)
    assert probe.view("missing_field").output == b"storage: the state schema has no such field"
    assert probe.wrong_width(sender=alice).output == b"storage: the value has another width"
    trapped = probe.panics(3, sender=alice)
    assert (trapped.outcome, trapped.output) == ("halt", b"")
    assert probe.grow(9, sender=alice, gas=100_000_000).value == 65536 * sum(range(9))
