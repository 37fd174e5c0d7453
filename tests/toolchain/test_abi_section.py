"""The ``pyde.abi`` section is written and read byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import ToolchainError
from detent.toolchain import manifest
from detent.toolchain.abi import ContractAbi, Event, Function, StateField, decode, encode
from detent.toolchain.attributes import BITS, from_bits
from detent.toolchain.types import Address, Bool, Bytes, Custom, Enum, FixedBytes, Int, Map, Option, Param, Struct, Text, Type, Vec

# `abi_counter_section` of the published ABI notes: the counter template's manifest, which the published client's types read and write back.
COUNTER = bytes.fromhex(
    "020001000002000000a7d4bd360300000067657481000000000000000103fcf52a2c09000000696e6372656d656e7480000000000000000103449a3a583a53"
    "782476dfc343e7b5652a7984a53bd1c190142e550e1dd6388da50000000d000000707964652d74656d706c61746505000000302e312e30000000000000000001"
    "00000007000000636f756e746572000300000000"
)
COUNTER_MANIFEST = """
[contract]
name = "pyde-template"
version = "0.1.0"
type = "contract"
[contract.lang]
language = "rust"
[state]
schema = [{ name = "counter", type = "uint64" }]
[functions.increment]
attributes = ["entry"]
inputs = []
outputs = ["uint64"]
[functions.get]
attributes = ["entry", "view"]
inputs = []
outputs = ["uint64"]
"""


def test_the_counters_section_is_the_published_one() -> None:
    assert encode(manifest.parse(COUNTER_MANIFEST).abi).hex() == COUNTER.hex()
    assert decode(COUNTER) == manifest.parse(COUNTER_MANIFEST).abi


def test_the_section_does_not_depend_on_the_manifests_order() -> None:
    head, _, rest = COUNTER_MANIFEST.partition("[functions.increment]")
    increment, _, get = rest.partition("[functions.get]")
    assert encode(manifest.parse(f"{head}[functions.get]{get}[functions.increment]{increment}").abi) == COUNTER


def test_every_truncation_and_a_surplus_byte_are_refused() -> None:
    for end in range(len(COUNTER)):
        with pytest.raises(ToolchainError) as caught:
            decode(COUNTER[:end])
        assert caught.value.code == "D708"
    with pytest.raises(ToolchainError, match="1 bytes left over"):
        decode(COUNTER + b"\0")


def test_newer_versions_and_other_majors_are_refused() -> None:
    for version in (0x00010003, 0x00020000, 0x00000001):
        with pytest.raises(ToolchainError, match="version"):
            decode(version.to_bytes(4, "little") + COUNTER[4:])


def test_older_versions_end_before_what_they_did_not_have() -> None:
    types_missing = (0x00010001).to_bytes(4, "little") + COUNTER[4:-4]
    assert decode(types_missing).state == decode(COUNTER).state
    schema_missing = (0x00010000).to_bytes(4, "little") + COUNTER[4 : -4 - len(b"\1\0\0\0\7\0\0\0counter\0\3")]
    assert decode(schema_missing).state == ()


def test_contradictions_are_refused() -> None:
    index = COUNTER.index(bytes.fromhex("388da5")) + 3
    with pytest.raises(ToolchainError, match="constructor index"):
        decode(COUNTER[:index] + b"\1\0\0\0\0" + COUNTER[index + 1 :])
    with pytest.raises(ToolchainError, match="selector"):
        decode(COUNTER.replace(bytes.fromhex("a7d4bd36"), bytes(4)))
    with pytest.raises(ToolchainError, match="attribute bits"):
        decode(COUNTER.replace(b"get\x81\0", b"get\x81\1"))


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
INTS = st.builds(Int, st.sampled_from([8, 16, 32, 64, 128]), st.booleans())
FLAT: st.SearchStrategy[Type] = INTS | st.sampled_from([Bool(), Address(), Bytes(), Text(), FixedBytes(32)])
FIXED: st.SearchStrategy[Type] = INTS | st.sampled_from([Bool(), Address(), FixedBytes(32)])
TYPES: st.SearchStrategy[Type] = st.recursive(
    FLAT | st.builds(FixedBytes, st.integers(0, 2**32 - 1)) | st.builds(Custom, NAMES),
    lambda inner: st.builds(Vec, inner) | st.builds(Option, inner) | st.builds(Map, inner, inner),
    max_leaves=5,
)
PARAMS = st.lists(st.builds(Param, NAMES, TYPES), max_size=4).map(tuple)
FUNCTIONS = st.builds(Function, NAMES, st.integers(0, 255).map(lambda bits: from_bits(bits & ~(16 | 32 | 64))), PARAMS, st.none() | TYPES)
SPECIAL = st.builds(Function, NAMES, st.sampled_from([("constructor",), ("fallback", "entry"), ("payable", "receive")]), PARAMS)
EVENTS = st.lists(st.tuples(NAMES, TYPES, st.booleans()), max_size=8).map(
    lambda fields: Event("E", tuple(Param(name, ty) for name, ty, _ in fields), tuple(indexed for _, _, indexed in fields))
)
FIELDS = st.builds(StateField, NAMES, st.lists(FLAT, max_size=3).map(tuple), FLAT | st.builds(Vec, FIXED))
DEFINITIONS = st.builds(Struct, NAMES, PARAMS) | st.builds(Enum, NAMES, st.lists(NAMES, max_size=3).map(tuple))


def several(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


@given(
    st.builds(
        ContractAbi,
        NAMES,
        NAMES,
        st.tuples(several(FUNCTIONS), SPECIAL).map(lambda pair: (*pair[0], pair[1])),
        several(FIELDS),
        several(EVENTS),
        several(DEFINITIONS),
    )
)
def test_what_is_written_is_read_back(abi: ContractAbi) -> None:
    # Attributes are read in the order of their bits.
    ordered = tuple(Function(f.name, tuple(n for n in BITS if n in f.attributes), f.params, f.returns) for f in abi.functions)
    abi = ContractAbi(abi.name, abi.version, ordered, abi.state, abi.events, abi.types)
    assert decode(encode(abi)) == abi


@given(st.binary(max_size=300), st.integers(0, len(COUNTER)))
def test_hostile_bytes_are_refused_with_a_code(junk: bytes, at: int) -> None:
    for data in (junk, COUNTER[:at] + junk, COUNTER[:at] + junk + COUNTER[at + len(junk) :]):
        try:
            found = decode(data)
        except ToolchainError as error:
            assert error.code == "D708"
        else:
            assert decode(encode(found)) == found
