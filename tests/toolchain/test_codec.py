"""Values and their bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent import codec
from detent.errors import EncodingError
from detent.toolchain.types import Custom, Enum, FixedBytes, Int, Map, Option, Param, Struct, Text, Type, TypeDef, Vec, parse_type

TYPES: dict[str, TypeDef] = {
    "Order": Struct("Order", (Param("id", Int(64)), Param("who", parse_type("address")), Param("status", Custom("Status")))),
    "Status": Enum("Status", ("Pending", "Active")),
    "Loop": Struct("Loop", (Param("again", Option(Custom("Loop"))),)),
}
ALICE = b"\xa1" * 32
ORDER = {"id": 1, "who": ALICE, "status": "Active"}


class Account:
    """Like those of :mod:`detent.accounts`."""

    address = ALICE


# Bytes written by hand from the ABI's rules.
EXAMPLES: list[tuple[str, Any, str]] = [
    ("uint8", 255, "ff"),
    ("u16", 0x1234, "3412"),
    ("uint64", 7, "0700000000000000"),
    ("uint128", (1 << 128) - 1, "ff" * 16),
    ("int8", -1, "ff"),
    ("int128", -(1 << 127), "00" * 15 + "80"),
    ("bool", True, "01"),
    ("address", ALICE, "a1" * 32),
    ("hash32", bytes(32), "00" * 32),
    ("bytes", b"\1\2", "020000000102"),
    ("bytes", b"", "00000000"),
    ("string", "hi", "020000006869"),
    ("string", "ä", "02000000c3a4"),
    ("vec(uint16)", [1, 2], "0200000001000200"),
    ("vec(vec(bool))", [[True], []], "02000000010000000100000000"),
    ("option(uint8)", None, "00"),
    ("option(uint8)", 5, "0105"),
    ("Order", ORDER, "0100000000000000" + "a1" * 32 + "01"),
    ("vec(Status)", ["Pending", "Active"], "020000000001"),
]


@pytest.mark.parametrize(("ty", "value", "coded"), EXAMPLES)
def test_known_encodings(ty: str, value: Any, coded: str) -> None:
    assert codec.encode(ty, value, TYPES).hex() == coded
    assert codec.decode(ty, bytes.fromhex(coded), TYPES) == value


def test_the_documented_call() -> None:
    # f(7u64, "hi") of the ABI notes, section 3.
    calldata = codec.encode_all(["uint64", "string"], [7, "hi"])
    assert calldata.hex() == "0700000000000000020000006869"
    assert codec.decode_all(["uint64", "string"], calldata) == [7, "hi"]


@pytest.mark.parametrize(
    ("ty", "value", "same_as"),
    [
        ("address", "0x" + "a1" * 32, ALICE),
        ("address", Account(), ALICE),
        ("bytes", "0x0102", b"\1\2"),
        ("bytes", "0x", b""),
        ("bytes", bytearray(b"\1"), b"\1"),
        ("bytes32", memoryview(bytes(32)), bytes(32)),
        ("vec(uint8)", b"\1\2", [1, 2]),
        ("vec(uint8)", (1, 2), [1, 2]),
        ("Order", (1, ALICE, "Active"), ORDER),
    ],
)
def test_other_forms_encode_alike(ty: str, value: object, same_as: object) -> None:
    assert codec.encode(ty, value, TYPES) == codec.encode(ty, same_as, TYPES)


@pytest.mark.parametrize(
    ("ty", "value", "code"),
    [
        ("uint8", 256, "D602"),
        ("uint8", -1, "D602"),
        ("int8", 128, "D602"),
        ("int8", -129, "D602"),
        ("uint128", 1 << 128, "D602"),
        ("uint64", True, "D601"),
        ("uint64", 1.0, "D601"),
        ("uint64", "1", "D601"),
        ("bool", 1, "D601"),
        ("address", b"\1" * 31, "D602"),
        ("address", "0x" + "a1" * 33, "D602"),
        ("address", "a1" * 32, "D601"),
        ("address", "0x" + "g1" * 32, "D601"),
        ("address", "0x" + " 1" * 32, "D601"),
        ("bytes", "0x1", "D601"),
        ("bytes", 5, "D601"),
        ("bytes", [1], "D601"),
        ("string", b"hi", "D601"),
        ("string", "\ud800", "D602"),
        ("vec(uint16)", "12", "D601"),
        ("vec(uint16)", b"12", "D601"),
        ("vec(uint16)", {1: 2}, "D601"),
        ("Order", {"id": 1, "who": ALICE}, "D602"),
        ("Order", {**ORDER, "extra": 1}, "D602"),
        ("Order", [1], "D602"),
        ("Order", 5, "D601"),
        ("Status", "Gone", "D602"),
        ("Status", 1, "D601"),
        ("Unknown", 1, "D604"),
        ("uint7", 1, "D604"),
        ("vec(uint8", [], "D604"),
        ("", 1, "D604"),
    ],
)
def test_values_that_do_not_fit_are_refused(ty: str, value: object, code: str) -> None:
    with pytest.raises(EncodingError) as caught:
        codec.encode(ty, value, TYPES)
    assert caught.value.code == code


def test_the_error_names_the_place() -> None:
    with pytest.raises(EncodingError) as caught:
        codec.encode_all(["vec(Order)"], [[ORDER, {**ORDER, "id": -1}]], TYPES)
    assert caught.value.at == "[0][1].id"
    assert "uint64" in caught.value.detail


@pytest.mark.parametrize(("ty", "value", "coded"), EXAMPLES)
def test_other_lengths_do_not_decode(ty: str, value: Any, coded: str) -> None:
    data = bytes.fromhex(coded)
    for wrong in [data + b"\0", *(data[:end] for end in range(len(data)))]:
        with pytest.raises(EncodingError) as caught:
            codec.decode(ty, wrong, TYPES)
        assert caught.value.code == "D603"


@pytest.mark.parametrize(
    ("ty", "data"), [("bool", "02"), ("option(uint8)", "0200"), ("string", "01000000ff"), ("Status", "02"), ("vec(uint8)", "ffffffff00")]
)
def test_bytes_that_mean_nothing_do_not_decode(ty: str, data: str) -> None:
    with pytest.raises(EncodingError) as caught:
        codec.decode(ty, bytes.fromhex(data), TYPES)
    assert caught.value.code == "D603"


def test_a_type_that_contains_itself_ends_in_an_error() -> None:
    value: object = None
    for _ in range(100):
        value = {"again": value}
    with pytest.raises(EncodingError) as caught:
        codec.encode("Loop", value, TYPES)
    assert caught.value.code == "D604"
    with pytest.raises(EncodingError) as caught:
        codec.decode("Loop", b"\1" * 100, TYPES)
    assert caught.value.code == "D604"
    with pytest.raises(EncodingError):
        parse_type("vec(" * 1000 + "bool" + ")" * 1000)


@pytest.mark.parametrize("ty", [Vec(FixedBytes(0)), Vec(Custom("Nothing")), Vec(Vec(FixedBytes(0)))])
def test_values_of_no_bytes_are_refused_before_they_multiply(ty: Type) -> None:
    with pytest.raises(EncodingError) as caught:
        codec.decode(ty, b"\xff\xff\xff\xff" * 2, {"Nothing": Struct("Nothing", ())})
    assert caught.value.code == "D604"


def test_maps_are_in_the_order_of_their_keys() -> None:
    signed = Map(Int(16, signed=True), Text())
    coded = codec.encode(signed, {5: "b", -1: "a", 256: "c"})
    assert coded.hex() == "03000000" + "ffff0100000061" + "05000100000062" + "00010100000063"
    assert codec.decode(signed, coded) == {-1: "a", 5: "b", 256: "c"}
    for wrong in ("020000000500000000000500000000", "02000000" + "05000100000062" + "ffff0100000061"):
        with pytest.raises(EncodingError):
            codec.decode(signed, bytes.fromhex(wrong))
    with pytest.raises(EncodingError):
        codec.decode(Map(Vec(Int(8)), Int(8)), bytes.fromhex("010000000000000001"))


def test_stored_text_and_bytes_have_no_length() -> None:
    assert codec.encode_stored("string", "hi") == b"hi"
    assert codec.decode_stored("string", b"hi") == "hi"
    assert codec.encode_stored("bytes", b"") == codec.encode_stored("string", "") == b""
    assert codec.decode_stored("bytes", b"\1") == b"\1"
    assert codec.encode_stored("vec(uint8)", [1]) == b"\1\0\0\0\1"
    assert codec.decode_stored("uint16", b"\1\0") == 1


@pytest.mark.parametrize(("ty", "value"), [("uint16", 258), ("int32", -2), ("bool", True), ("address", ALICE), ("uint128", 1 << 127)])
def test_topics_are_the_bytes_and_then_zeros(ty: str, value: Any) -> None:
    topic = codec.encode_topic(ty, value)
    assert topic == codec.encode(ty, value).ljust(32, b"\0")
    assert codec.decode_topic(ty, topic) == value


def test_big_endian_topics_are_understood() -> None:
    assert codec.decode_topic("uint16", (258).to_bytes(32, "big")) == 258
    assert codec.decode_topic("uint16", bytes(32)) == 0
    with pytest.raises(EncodingError):
        codec.decode_topic("uint16", b"\1" + bytes(30) + b"\1")
    with pytest.raises(EncodingError):
        codec.encode_topic("string", "hi")
    with pytest.raises(EncodingError):
        codec.decode_topic("uint16", bytes(31))


def _value(ty: Type) -> st.SearchStrategy[Any]:
    match ty:
        case Int(bits, signed):
            return st.integers(-(1 << bits - 1) if signed else 0, (1 << bits - signed) - 1)
        case Vec(item):
            return st.lists(_value(item), max_size=3)
        case Option(item):
            # An option of an option has two kinds of nothing and Python one: not generated.
            return st.none() | _value(item)
        case _:
            plain: dict[str, st.SearchStrategy[Any]] = {
                "bool": st.booleans(),
                "address": st.binary(min_size=32, max_size=32),
                "bytes32": st.binary(min_size=32, max_size=32),
                "bytes": st.binary(max_size=20),
                "string": st.text(max_size=8),
                "Order": st.fixed_dictionaries(
                    {"id": st.integers(0, 9), "who": st.just(ALICE), "status": st.sampled_from(["Pending", "Active"])}
                ),
            }
            return plain[str(ty)]


_LEAVES = ["uint8", "uint64", "uint128", "int16", "int128", "bool", "address", "bytes32", "bytes", "string", "Order"]
_KINDS = st.recursive(
    st.sampled_from(_LEAVES), lambda t: t.map(lambda s: f"vec({s})") | t.filter(lambda s: s[:6] != "option").map(lambda s: f"option({s})")
)


@given(st.data())
def test_every_value_comes_back(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(_KINDS, max_size=4))
    values = [data.draw(_value(parse_type(kind))) for kind in kinds]
    coded = codec.encode_all(kinds, values, TYPES)
    assert codec.decode_all(kinds, coded, TYPES) == values


@given(_KINDS, st.binary(max_size=120))
def test_hostile_bytes_decode_to_what_encodes_back_or_are_refused(kind: str, junk: bytes) -> None:
    try:
        value = codec.decode(kind, junk, TYPES)
    except EncodingError as error:
        assert error.code == "D603"
    else:
        assert codec.encode(kind, value, TYPES) == junk
