"""The guest library, part by part, through a guest that uses all of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest
from projects import ROOT
from python_chain import Chain, Outcome, keccak_stand_in, poseidon_stand_in

from detent import codec
from detent.toolchain import BuildResult
from detent.toolchain.blake3 import blake3
from detent.toolchain.wasm import Module

Built = Callable[[str], BuildResult]
ALICE, BOB = b"\xa1" * 32, b"\xb0" * 32
ORDER = {"id": 7, "maker": ALICE, "amount": -(1 << 100), "status": "Cancelled", "tags": [1, 65535], "note": "späť"}


class Probe:
    """Calls by value."""

    def __init__(self, result: BuildResult) -> None:
        self.abi = result.manifest.abi
        self.types = self.abi.custom_types()
        self.chain = Chain()
        self.address = self.chain.deploy(result.code)
        self.code = result.code

    def raw(self, name: str, *args: object, value: int = 0) -> Outcome:
        function = self.abi.function(name)
        assert function is not None
        data = codec.encode_all([param.type for param in function.params], args, self.types)
        return self.chain.call(self.address, name, data, caller=ALICE, value=value)

    def __call__(self, name: str, *args: object, value: int = 0) -> object:
        outcome = self.raw(name, *args, value=value)
        assert outcome.kind == "success", outcome
        function = self.abi.function(name)
        assert function is not None
        return None if function.returns is None else codec.decode(function.returns, outcome.data, self.types)


@pytest.fixture
def probe(built: Built) -> Probe:
    return Probe(built("probe"))


def test_imports_have_the_types_of_the_host_table(built: Built) -> None:
    table = tomllib.loads((ROOT / "python/detent/protocol/host.toml").read_text())["fn"]
    wanted = {name: (tuple(fn["params"]), tuple(fn["results"])) for name, fn in table.items() if fn["available"]}
    found = {item.name: (item.type.params, item.type.results) for item in Module(built("probe").code).imports() if item.type}
    assert found == wanted


def test_every_type_passes_in_and_out(probe: Probe) -> None:
    assert probe("echo", ORDER, [ORDER, {**ORDER, "note": None}], "text", b"\1\2\3", -5, True, b"\7" * 32, 9) == ORDER


def test_a_unit_returns_nothing_at_all(probe: Probe) -> None:
    assert probe.raw("nothing") == Outcome("success", b"")


def test_stored_values_have_the_published_form(probe: Probe) -> None:
    probe("store", "text", b"\1\2", [1, 2], ORDER)
    slots = {slot: value for (_, slot), value in probe.chain.world.slots.items()}
    order = codec.encode("Order", ORDER, probe.types)
    # Text and bytes raw, lists and records as borsh.
    assert slots == {b"text": b"text", b"blob": b"\1\2", b"list": b"\2\0\0\0\1\0\2\0", b"last": order}
    wanted = [codec.encode("string", "text"), codec.encode("bytes", b"\1\2"), codec.encode("vec(uint16)", [1, 2]), order]
    assert probe("stored") == wanted
    assert probe("forget") is True
    assert probe.chain.world.slots == {}


def test_absent_values_are_defaults_and_empty_ones_are_there(probe: Probe) -> None:
    assert probe("stored") == [bytes(4), bytes(4), bytes(4), b""]
    probe("store", "", b"", [], ORDER)
    assert probe.chain.world.slots[probe.address, b"text"] == b""


def test_keys_of_every_kind_name_their_own_slots(probe: Probe) -> None:
    assert probe("keys", "näme", 258, BOB) is True
    slots = {slot: value for (_, slot), value in probe.chain.world.slots.items()}
    name = codec.encode("string", "näme")
    assert slots == {
        b"names" + name: b"\5",
        b"triples" + codec.encode("bytes", b"\1\2") + b"\x09" * 32 + BOB: (7).to_bytes(16, "little"),
    }


def test_a_stored_value_of_another_width_reverts(probe: Probe) -> None:
    probe.chain.world.slots[probe.address, b"list"] = b"\2\0\0\0\1\0"
    assert probe.raw("stored") == Outcome("revert", b"storage: the stored bytes are of another type")


def test_fields_that_the_schema_does_not_have_revert(probe: Probe) -> None:
    assert probe.raw("missing_field") == Outcome("revert", b"storage: the state schema has no such field")
    assert probe.raw("wrong_width") == Outcome("revert", b"storage: the value has another width")


def test_events_have_topics_and_data_as_declared(probe: Probe) -> None:
    probe("note", -2, "hi")
    noted, empty = probe.abi.events[1], probe.abi.events[0]
    data = codec.encode_all(["string", "bytes", "vec(uint8)"], ["hi", b"\4", [5, 6]])
    topics = [noted.topic, codec.encode_topic("int32", -2), codec.encode_topic("bool", True), b"\3" * 32]
    assert probe.chain.world.events == [(probe.address, topics, data), (probe.address, [empty.topic], b"")]


def test_context_is_what_the_host_says(probe: Probe) -> None:
    probe.chain.world.balances[probe.address] = 77
    found = probe("context_bytes", value=5)
    wanted = ALICE + b"\x0e" * 32 + probe.address + b"\x0a" * 32 + b"\x0b" * 32
    numbers = [(11, 8), (12, 8), (31337, 8), (5, 16), (77, 16)]
    assert found == wanted + b"".join(n.to_bytes(size, "little") for n, size in numbers)


def test_hashes_are_the_hosts(probe: Probe) -> None:
    assert probe("hashes", b"abc") == [blake3(b"abc"), keccak_stand_in(b"abc"), poseidon_stand_in(b"abc")]


def test_raw_slots_round_trip(probe: Probe) -> None:
    assert probe("slots", b"\5" * 32) is True


def test_native_value_moves_only_when_it_is_there(probe: Probe) -> None:
    probe.chain.world.balances[probe.address] = 10
    assert probe("pay", BOB, 11) is False
    assert probe("pay", BOB, 4) is True
    assert probe.chain.world.balances == {probe.address: 6, BOB: 4}


CALLS = [
    ("counter", "increment", 0, b"\0" + (1).to_bytes(8, "little")),
    ("counter", "get", 1, b"\0" + bytes(8)),
    ("counter", "increment", 1, b"\7"),  # not a view
    ("counter", "absent", 0, b"\5"),
    ("counter", "increment", 3, b"\4"),  # value 3, not payable
    ("probe", "refuse", 0, b"\1probe: too small"),
    ("probe", "panics", 0, b"\1"),  # a trap has no words
    ("probe", "nothing", 0, b"\x08"),  # nothing where a number was wanted
    ("probe", "ask", 0, b"\6"),  # entered already
    ("probe", "context_bytes", 9, b"\3"),  # value 9 that is not there
]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_calls_end_as_the_host_says(probe: Probe, built: Built, case: tuple[str, str, int, bytes]) -> None:
    contract, function, mode, wanted = case
    target = probe.address if contract == "probe" else probe.chain.deploy(built(contract).code)
    assert probe("ask", target, function, 1, mode) == wanted


def test_a_delegate_runs_on_the_callers_storage(probe: Probe, built: Built) -> None:
    counter = probe.chain.deploy(built("counter").code)
    assert probe("ask", counter, "increment", 1, 2) == b"\0" + (1).to_bytes(8, "little")
    assert probe.chain.world.slots == {(probe.address, b"counter"): (1).to_bytes(8, "little")}


def test_panics_trap_without_words(probe: Probe) -> None:
    assert probe("panics", 2) == 3
    assert probe.raw("panics", 3) == Outcome("trap", b"")


def test_the_heap_grows_past_the_first_page(probe: Probe) -> None:
    assert probe("grow", 9) == 65536 * sum(range(9))


def test_hostile_calldata_traps(probe: Probe) -> None:
    good = codec.encode_all(["uint32"], [1])
    for data in (good[:-1], good + b"\0", b""):
        assert probe.chain.call(probe.address, "panics", data).kind == "trap"
    # A count of four billion in front of nothing.
    assert probe.chain.call(probe.address, "store", b"\xff" * 4).kind == "trap"
