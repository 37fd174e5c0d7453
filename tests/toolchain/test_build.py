"""Builds: the same bytes everywhere, and every disagreement between code and manifest is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime
from projects import PROJECTS, ROOT
from python_chain import quiet_engine

from detent.errors import ToolchainError
from detent.toolchain import BuildResult, abi, build, manifest, package, signatures
from detent.toolchain.cargo import compile_contract
from detent.toolchain.types import Type, parse_type
from detent.toolchain.wasm import Module, custom_sections, read_names

Built = Callable[[str], BuildResult]
CACHES = shutil.ignore_patterns("target", "build")


@pytest.mark.parametrize("name", PROJECTS)
def test_a_built_module_carries_its_section_and_no_other(built: Built, name: str) -> None:
    result = built(name)
    ((section, content),) = custom_sections(result.code)
    assert section == "pyde.abi"
    assert abi.encode(abi.decode(content)) == content == abi.encode(result.manifest.abi)
    assert result.wasm.read_bytes() == result.code
    assert json.loads(result.abi_json.read_text()) == result.manifest.abi.to_json()
    assert wasmtime.Module.validate(quiet_engine(), result.code) is None


@pytest.mark.parametrize("name", PROJECTS)
def test_guests_start_with_one_page(built: Built, name: str) -> None:
    memory = next(section.data for section in Module(built(name).code).sections if section.number == 5)
    assert memory == b"\1\0\1", "one memory, no maximum, one page"


def test_the_benchmarks_guest_touches_one_page_of_the_machine(built: Built) -> None:
    """Stack, data and cells below 4096."""
    module = Module(built("raw_token").code)
    (globals_,) = [section.data for section in module.sections if section.number == 6]
    # The first global is the stack pointer, i32.const 1024; __data_end and __heap_base follow.
    assert globals_[1:7] == b"\x7f\x01\x41\x80\x08\x0b"
    ends = _i32_constants(globals_)
    assert max(ends) <= 4096, ends


def _i32_constants(globals_: bytes) -> list[int]:
    found, at = [], 1
    for _ in range(globals_[0]):
        at += 3  # type, mutability, i32.const
        value = shift = 0
        while True:
            byte = globals_[at]
            value |= (byte & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if byte < 0x80:
                break
        found.append(value)
        at += 1  # end
    return found


def _copy(folder: Path) -> Path:
    """The guest library and the examples, without what was built of them."""
    for name in ("sdk/rust", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=CACHES)
    shutil.copy(ROOT / "rust-toolchain.toml", folder)
    return folder / "examples"


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes_in_every_folder(built: Built, tmp_path: Path) -> None:
    for keep_names in (False, True):
        copies = [_copy(tmp_path / f"{'deeper/' * depth}{keep_names}") for depth in (0, 3)]
        for name in ("vault", "token"):
            one, other = (build(copy / name, keep_names=keep_names) for copy in copies)
            assert one.code == other.code, name
            assert one.abi_json.read_bytes() == other.abi_json.read_bytes()
            if not keep_names:
                assert one.code == built(name).code, name
            assert str(tmp_path).encode() not in one.code


def test_settings_of_the_person_who_builds_do_not_change_the_bytes(built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUSTFLAGS", "-Copt-level=0 -Cdebuginfo=2")
    monkeypatch.setenv("CARGO_PROFILE_RELEASE_LTO", "off")
    assert build(PROJECTS["counter"], out=tmp_path).code == built("counter").code


def test_names_are_kept_on_request(built: Built, tmp_path: Path) -> None:
    with_names = build(PROJECTS["vault"], out=tmp_path, keep_names=True)
    sections = custom_sections(with_names.code)
    assert [name for name, _ in sections] == ["name", "pyde.abi"]
    names = [name for _, name in read_names(sections[0][1], 1)]
    assert {"deposit", "withdraw"} <= set(names)
    assert not any("17h" in name for name in names)
    stripped = Module(with_names.code).without_customs(keep=["pyde.abi"]).to_bytes()
    assert stripped == built("vault").code


def small(attributes: str = "", extra: str = "") -> str:
    return f"""
        [contract]
        name = "small"
        version = "0.1.0"
        [contract.lang]
        language = "c"
        output = "out/contract.wasm"
        [functions.go]
        attributes = ["entry"]
        {attributes}
        {extra}
    """


def project(folder: Path, text: str, wat: str | None) -> Path:
    (folder / "otigen.toml").write_text(text)
    if wat is not None:
        (folder / "out").mkdir()
        (folder / "out/contract.wasm").write_bytes(bytes(wasmtime.wat2wasm(wat)))
    return folder


GOOD = '(module (memory (export "memory") 1) (func (export "go")) (func (export "_helper")))'


def test_modules_of_other_compilers_are_packaged(tmp_path: Path) -> None:
    result = build(project(tmp_path, small(), GOOD))
    assert result.wasm == tmp_path / "build/small.wasm"
    assert [name for name, _ in custom_sections(result.code)] == ["pyde.abi"]


MISMATCHES = [
    ("", '(func (export "go"))', "does not export its memory"),
    ("", '(memory (export "memory") 1)', "go is declared but not exported"),
    ("", '(memory (export "memory") 1) (func (export "go") (param i32))', "go is exported as a function (i32) -> () and must be"),
    ("", '(memory (export "memory") 1) (global (export "go") i32 (i32.const 0))', "go is exported as global and must be"),
    ("", '(memory (export "memory") 1) (func (export "go")) (func (export "stop"))', "stop is exported but not declared"),
]


@pytest.mark.parametrize(("attributes", "body", "said"), MISMATCHES)
def test_exports_and_declarations_must_agree(tmp_path: Path, attributes: str, body: str, said: str) -> None:
    with pytest.raises(ToolchainError) as caught:
        build(project(tmp_path, small(attributes), f"(module {body})"))
    assert caught.value.code == "D707"
    assert said in caught.value.detail


def test_a_missing_module_says_what_to_build(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        build(project(tmp_path, small(), None))
    assert (caught.value.code, caught.value.at) == ("D705", str(tmp_path / "out/contract.wasm"))


def test_an_unreadable_module_is_refused(tmp_path: Path) -> None:
    project(tmp_path, small(), GOOD)
    (tmp_path / "out/contract.wasm").write_bytes(b"\0asm\1\0\0\0\1")
    with pytest.raises(ToolchainError) as caught:
        build(tmp_path)
    assert caught.value.code == "D706"


def test_an_old_section_is_replaced(tmp_path: Path) -> None:
    found = manifest.parse(small())
    old = Module(bytes(wasmtime.wat2wasm(GOOD))).with_custom("pyde.abi", b"old").with_custom("producers", b"x").to_bytes()
    assert custom_sections(package(old, found.abi)) == [("pyde.abi", abi.encode(found.abi))]


def _rust(folder: Path, body: str, declared: str) -> Path:
    (folder / "src").mkdir()
    (folder / "src/lib.rs").write_text(f"#![no_std]\nuse detent_sdk::*;\n{body}\n")
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n[lib]\ncrate-type = ["cdylib"]\n'
        f'[dependencies]\ndetent-sdk = {{ path = "{ROOT / "sdk/rust"}" }}\n'
    )
    (folder / "otigen.toml").write_text(small(declared).replace('"c"', '"rust"'))
    return folder


@pytest.mark.usefixtures("built")
def test_types_in_the_code_and_in_the_manifest_must_agree(tmp_path: Path) -> None:
    folder = _rust(tmp_path, "entries! { go }\nfn go(_: u64, _: Address) -> bool { true }", 'inputs = ["uint128", "address"]')
    with pytest.raises(ToolchainError) as caught:
        build(folder)
    assert caught.value.code == "D707"
    assert "go is (u64, Address) -> bool in the code and (uint128, address) in the manifest" in caught.value.detail
    (folder / "otigen.toml").write_text(small('inputs = ["uint64", "address"]\noutputs = ["bool"]').replace('"c"', '"rust"'))
    again = build(folder)
    # The first build has written the lock file: only its own message tells of that.
    assert again.warnings == ()


@pytest.mark.usefixtures("built")
def test_a_new_lock_file_is_announced(tmp_path: Path) -> None:
    result = build(_rust(tmp_path, "entries! { go }\nfn go() {}", ""))
    assert len(result.warnings) == 1 and "Cargo.lock" in result.warnings[0]
    assert (tmp_path / "Cargo.lock").is_file()


@pytest.mark.usefixtures("built")
def test_the_compilers_words_are_passed_on(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        build(_rust(tmp_path, "entries! { go }\nfn go() { missing() }", ""))
    assert caught.value.code == "D704"
    assert "missing" in caught.value.detail and "src/lib.rs:4" in caught.value.detail


@pytest.mark.usefixtures("built")
def test_a_library_of_another_kind_is_told_what_to_be(tmp_path: Path) -> None:
    folder = _rust(tmp_path, "entries! { go }\nfn go() {}", "")
    (folder / "Cargo.toml").write_text((folder / "Cargo.toml").read_text().replace('crate-type = ["cdylib"]', ""))
    with pytest.raises(ToolchainError, match="cdylib"):
        build(folder)


def test_a_missing_compiler_is_explained_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _rust(tmp_path, "", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError) as caught:
        build(folder)
    assert caught.value.code == "D703"
    assert "\n" not in caught.value.detail and "rustup" in caught.value.detail


def test_a_missing_target_is_explained_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _rust(tmp_path, "", "")
    # A compiler that lacks the target answers with a folder that is not there.
    for name in ("cargo", "rustc"):
        (tmp_path / name).write_text("#!/bin/sh\necho /nowhere/lib\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ToolchainError) as caught:
        build(folder)
    assert caught.value.code == "D703"
    assert caught.value.detail == "rustc has no target wasm32-unknown-unknown: run rustup target add wasm32-unknown-unknown"


FITS: list[tuple[str, str, bool]] = [
    ("u128", "uint128", True),
    ("u64", "uint128", False),
    ("i8", "int8", True),
    ("i8", "uint8", False),
    ("pyde::Address", "address", True),
    ("[u8; 32]", "bytes32", True),
    ("[u8;32]", "address", True),
    ("Address", "bytes32", False),
    ("Vec<u8>", "bytes", True),
    ("Vec<u8>", "vec(uint8)", True),
    ("Bytes", "vec(uint8)", True),
    ("Bytes", "string", False),
    ("String", "string", True),
    ("Vec<Address>", "vec(address)", True),
    ("Vec<u8>", "vec(uint16)", False),
    ("Vec<Vec<u16>>", "vec(vec(uint16))", True),
    ("Option<u8>", "option(uint8)", True),
    ("u8", "option(uint8)", False),
    ("types::Order", "Order", True),
    ("u8", "Order", False),
    ("Amount", "uint128", True),  # an alias, for all that a record says
]


@pytest.mark.parametrize(("rust", "declared", "fits"), FITS)
def test_which_rust_types_a_declared_type_takes(rust: str, declared: str, fits: bool) -> None:
    ty: Type = parse_type(declared)
    contract = manifest.parse(small(f'inputs = ["{declared}"]', "" if declared != "Order" else ORDER)).abi
    assert contract.functions[0].params[0].type == ty
    assert (list(signatures.compare(f"go({rust})->;".encode(), contract)) == []) is fits


ORDER = '[types.Order]\nfields = [{ name = "id", type = "u8" }]'


def test_records_of_other_shapes_are_refused() -> None:
    with pytest.raises(ToolchainError) as caught:
        list(signatures.compare(b"go(u8;", manifest.parse(small()).abi))
    assert caught.value.code == "D706"


@pytest.mark.usefixtures("built")
def test_signature_records_are_for_building_and_never_in_memory(built: Built) -> None:
    module, _ = compile_contract(PROJECTS["token"], stack_size=16384)
    records = b"".join(Module(module).customs(signatures.SECTION))
    assert sorted(records.decode().split(";"))[1:] == [
        "allowance(Address,Address)->u128",
        "approve(Address,u128)->",
        "balance_of(Address)->u128",
        "init(u128)->",
        "total_supply()->u128",
        "transfer(Address,u128)->",
        "transfer_from(Address,Address,u128)->",
    ]
    assert b")->" not in built("token").code
