"""Taking modules apart and putting them together."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st
from python_chain import quiet_engine

from detent.errors import ToolchainError
from detent.toolchain.names import demangle, plain
from detent.toolchain.wasm import HEADER, Export, FuncType, Import, Module, custom_sections, leb, read_names

MODULE = bytes(
    wasmtime.wat2wasm(
        """(module $m
          (import "pyde" "sload" (func $sload (param i32 i32 i32) (result i32)))
          (import "pyde" "table" (table 1 2 funcref))
          (import "pyde" "global" (global (mut i64)))
          (import "other" "memory" (memory 3))
          (import "pyde" "wave_id" (func (result i64)))
          (func $go (export "go"))
          (func (export "sum") (param f32 f64) (result i64) i64.const 0)
          (export "memory" (memory 0))
          (export "again" (func $sload)))"""
    )
)


def test_imports_and_exports_have_their_types() -> None:
    module = Module(MODULE)
    assert module.imports() == (
        Import("pyde", "sload", "function", FuncType(("i32", "i32", "i32"), ("i32",))),
        Import("pyde", "table", "table", None),
        Import("pyde", "global", "global", None),
        Import("other", "memory", "memory", None),
        Import("pyde", "wave_id", "function", FuncType((), ("i64",))),
    )
    assert module.exports() == (
        Export("go", "function", FuncType((), ())),
        Export("sum", "function", FuncType(("f32", "f64"), ("i64",))),
        Export("memory", "memory", None),
        Export("again", "function", FuncType(("i32", "i32", "i32"), ("i32",))),
    )


def test_customs_come_and_go_and_nothing_else_changes() -> None:
    bare = Module(MODULE).without_customs().to_bytes()
    assert custom_sections(bare) == []
    with_two = Module(bare).with_custom("a", b"1").with_custom("b", b"").with_custom("a", b"2").to_bytes()
    assert custom_sections(with_two) == [("a", b"1"), ("b", b""), ("a", b"2")]
    assert Module(with_two).customs("a") == [b"1", b"2"]
    assert with_two.startswith(bare)
    assert custom_sections(Module(with_two).without_customs(keep=["b"]).to_bytes()) == [("b", b"")]
    assert Module(with_two).without_customs().to_bytes() == bare
    wasmtime.Module.validate(quiet_engine(), with_two)


def test_every_truncation_is_refused_or_ends_between_sections() -> None:
    ends = {8}
    for section in Module(MODULE).sections:
        ends.add(section.offset + len(section.data))
    for end in range(len(MODULE)):
        if end in ends:
            Module(MODULE[:end])
        else:
            with pytest.raises(ToolchainError) as caught:
                Module(MODULE[:end])
            assert caught.value.code == "D706"
            assert caught.value.at is not None


@given(st.integers(0, len(MODULE) - 1), st.binary(max_size=4))
def test_hostile_modules_are_refused_with_an_offset(at: int, junk: bytes) -> None:
    for data in (MODULE[:at] + junk + MODULE[at + len(junk) :], HEADER + junk, junk):
        try:
            module = Module(data)
            module.imports()
            module.exports()
        except ToolchainError as error:
            assert error.code == "D706"
            assert error.at is not None and error.at.startswith("offset ")


@pytest.mark.parametrize(("value", "coded"), [(0, "00"), (127, "7f"), (128, "8001"), (624485, "e58e26"), ((1 << 32) - 1, "ffffffff0f")])
def test_integers(value: int, coded: str) -> None:
    assert leb(value).hex() == coded


def test_integers_beyond_32_bits_are_refused() -> None:
    for size in ("ffffffff1f", "808080808000"):
        with pytest.raises(ToolchainError, match="32 bits"):
            Module(HEADER + b"\1" + bytes.fromhex(size))


SYMBOLS = [
    ("_ZN5token8transfer17h0123456789abcdefE", "token::transfer"),
    ("_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "<&T as core::fmt::Debug>::fmt"),
    ("_ZN5token8transferE", "token::transfer"),
    ("transfer", "transfer"),
    ("_ZN9xE", "_ZN9xE"),
    ("_RNvCs1234_7mycrate3foo", "_RNvCs1234_7mycrate3foo"),
]


@pytest.mark.parametrize(("symbol", "name"), SYMBOLS)
def test_symbols_become_names(symbol: str, name: str) -> None:
    assert demangle(symbol) == name


def test_the_name_section_keeps_functions_only() -> None:
    (section,) = Module(MODULE).customs("name")
    names = read_names(plain(section), 1)
    assert names == [(0, "sload"), (2, "go")]
    assert len(plain(section)) == 2 + 1 + (1 + 1 + 5) + (1 + 1 + 2)
