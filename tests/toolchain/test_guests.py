"""What the example contracts do, as built by the toolchain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from python_chain import Chain

from detent import codec
from detent.toolchain import BuildResult

Built = Callable[[str], BuildResult]
ALICE, BOB, EVE = b"\xa1" * 32, b"\xb0" * 32, b"\xee" * 32
TOKENS = ["token", "raw_token"]


def amount(value: int) -> bytes:
    return codec.encode("uint128", value)


def balance(chain: Chain, token: bytes, owner: bytes) -> int:
    outcome = chain.call(token, "balance_of", owner)
    assert outcome.kind == "success"
    value: int = codec.decode("uint128", outcome.data)
    return value


def test_counter_counts(built: Built) -> None:
    chain = Chain()
    counter = chain.deploy(built("counter").code)
    for expected in (1, 2, 3):
        assert codec.decode("uint64", chain.call(counter, "increment").data) == expected
    assert codec.decode("uint64", chain.call(counter, "get").data) == 3


@pytest.mark.parametrize("name", TOKENS)
def test_transfers_move_exactly_the_amount(built: Built, name: str) -> None:
    chain = Chain()
    token = chain.deploy(built(name).code, amount(1000), caller=ALICE)
    assert chain.call(token, "transfer", BOB + amount(300), caller=ALICE).kind == "success"
    assert (balance(chain, token, ALICE), balance(chain, token, BOB)) == (700, 300)
    assert chain.call(token, "transfer", ALICE + amount(700), caller=ALICE).kind == "success", "to oneself"
    assert balance(chain, token, ALICE) == 700


@pytest.mark.parametrize("name", TOKENS)
def test_a_transfer_emits_the_event_that_the_manifest_declares(built: Built, name: str) -> None:
    chain = Chain()
    result = built(name)
    token = chain.deploy(result.code, amount(1000), caller=ALICE)
    chain.world.events.clear()
    chain.call(token, "transfer", BOB + amount(300), caller=ALICE)
    (declared,) = [event for event in result.manifest.abi.events if event.name == "Transfer"]
    assert chain.world.events == [(token, [declared.topic, ALICE, BOB], amount(300))]


@pytest.mark.parametrize("name", TOKENS)
def test_too_large_a_transfer_reverts_and_changes_nothing(built: Built, name: str) -> None:
    chain = Chain()
    token = chain.deploy(built(name).code, amount(1000), caller=ALICE)
    outcome = chain.call(token, "transfer", BOB + amount(1001), caller=ALICE)
    assert (outcome.kind, outcome.data) == ("revert", b"token: balance")
    assert chain.call(token, "transfer", BOB + amount(1), caller=EVE).kind == "revert"
    assert (balance(chain, token, ALICE), balance(chain, token, BOB)) == (1000, 0)


@pytest.mark.parametrize("name", TOKENS)
def test_a_balance_cannot_overflow(built: Built, name: str) -> None:
    chain = Chain()
    token = chain.deploy(built(name).code, amount((1 << 128) - 1), caller=ALICE)
    slot = (b"balances" + BOB) if name == "token" else BOB
    chain.world.slots[token, slot] = amount(5)
    outcome = chain.call(token, "transfer", BOB + amount((1 << 128) - 1), caller=ALICE)
    assert (outcome.kind, outcome.data) == ("revert", b"token: overflow")
    assert balance(chain, token, BOB) == 5


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("calldata", [b"", BOB, BOB + amount(1)[:-1], BOB + amount(1) + b"\0"])
def test_calldata_of_another_length_traps(built: Built, name: str, calldata: bytes) -> None:
    chain = Chain()
    token = chain.deploy(built(name).code, amount(1000), caller=ALICE)
    assert chain.call(token, "transfer", calldata, caller=ALICE).kind == "trap"


def test_raw_token_keeps_balances_at_the_owners_address(built: Built) -> None:
    chain = Chain()
    token = chain.deploy(built("raw_token").code, amount(1000), caller=ALICE)
    chain.call(token, "transfer", BOB + amount(300), caller=ALICE)
    assert chain.world.slots == {(token, ALICE): amount(700), (token, BOB): amount(300)}


def test_allowances_are_spent_once(built: Built) -> None:
    chain = Chain()
    token = chain.deploy(built("token").code, amount(1000), caller=ALICE)
    spend = ALICE + BOB + amount(60)
    assert chain.call(token, "transfer_from", spend, caller=EVE).data == b"token: allowance"
    assert chain.call(token, "approve", EVE + amount(100), caller=ALICE).kind == "success"
    assert chain.call(token, "transfer_from", spend, caller=EVE).kind == "success"
    assert chain.call(token, "transfer_from", spend, caller=EVE).data == b"token: allowance"
    assert codec.decode("uint128", chain.call(token, "allowance", ALICE + EVE).data) == 40
    assert (balance(chain, token, ALICE), balance(chain, token, BOB)) == (940, 60)
    assert codec.decode("uint128", chain.call(token, "total_supply").data) == 1000


def test_tokens_cannot_go_to_nobody(built: Built) -> None:
    chain = Chain()
    token = chain.deploy(built("token").code, amount(1000), caller=ALICE)
    assert chain.call(token, "transfer", bytes(32) + amount(1), caller=ALICE).data == b"token: to nobody"


def vault_with(built: Built, deposit: int) -> tuple[Chain, bytes, bytes]:
    chain = Chain()
    token = chain.deploy(built("token").code, amount(1000), caller=ALICE)
    vault = chain.deploy(built("vault").code, token, caller=EVE)
    chain.call(token, "approve", vault + amount(500), caller=ALICE)
    outcome = chain.call(vault, "deposit", amount(deposit), caller=ALICE)
    assert codec.decode("uint128", outcome.data) == deposit
    return chain, token, vault


def test_deposits_pull_tokens_and_withdrawals_pay_them_out(built: Built) -> None:
    chain, token, vault = vault_with(built, 400)
    assert (balance(chain, token, vault), balance(chain, vault, ALICE), balance(chain, token, ALICE)) == (400, 400, 600)
    outcome = chain.call(vault, "withdraw", amount(150), caller=ALICE)
    assert codec.decode("uint128", outcome.data) == 250
    assert (balance(chain, token, vault), balance(chain, vault, ALICE), balance(chain, token, ALICE)) == (250, 250, 750)


def test_a_refused_deposit_reverts_with_the_tokens_words(built: Built) -> None:
    chain, token, vault = vault_with(built, 400)
    outcome = chain.call(vault, "deposit", amount(101), caller=ALICE)
    assert (outcome.kind, outcome.data) == ("revert", b"token: allowance")
    assert (balance(chain, token, vault), balance(chain, vault, ALICE)) == (400, 400)


def test_nobody_withdraws_what_others_deposited(built: Built) -> None:
    chain, token, vault = vault_with(built, 400)
    assert chain.call(vault, "withdraw", amount(1), caller=EVE).data == b"vault: balance"
    assert chain.call(vault, "withdraw", amount(401), caller=ALICE).data == b"vault: balance"
    assert balance(chain, token, vault) == 400


def test_a_vault_without_a_token_contract_refuses(built: Built) -> None:
    chain = Chain()
    vault = chain.deploy(built("vault").code, BOB)
    assert chain.call(vault, "deposit", amount(1), caller=ALICE).data == b"vault: token unreachable"
