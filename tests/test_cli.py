"""The command line as a newcomer uses it: exit codes, JSON, clear errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from detent import samples

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
ECHO = """(module
  (import "pyde" "calldata_copy" (func $copy (param i32 i32) (result i32)))
  (import "pyde" "calldata_size" (func $size (result i32)))
  (import "pyde" "return" (func $return (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "echo")
    (i32.store (i32.const 0) (call $size))
    (drop (call $copy (i32.const 16) (i32.const 0)))
    (call $return (i32.const 16) (call $size))))"""


def detent(*args: str, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "detent", *args], capture_output=True, text=True, check=False, env=None)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout if code != 2 else done.stderr


def data(*args: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(detent(*args, "--json", code=code))
    return found


@pytest.fixture
def add(tmp_path: Path) -> str:
    file = tmp_path / "add.wat"
    file.write_text(ADD)
    return str(file)


@pytest.mark.parametrize("engine", ["cranelift", "wasmi"])
def test_run_needs_no_project(add: str, engine: str) -> None:
    done = data("run", add, "--entry", "add", "--arg", "2", "--arg", "40", "--engine", engine)
    assert done["outcome"] == "success"
    assert done["results"] == [42]
    assert done["gas_used"] == done["fuel_used"] > 0


def test_run_gives_calldata_and_output(tmp_path: Path) -> None:
    file = tmp_path / "echo.wat"
    file.write_text(ECHO)
    assert data("run", str(file), "--entry", "echo", "--calldata", "0xc0ffee")["output"] == "0xc0ffee"


def test_run_out_of_gas_is_an_answer_with_its_code(add: str) -> None:
    done = data("run", add, "--entry", "add", "--arg", "1", "--arg", "1", "--gas", "3", code=1)
    assert (done["outcome"], done["end"], done["code"], done["gas_used"]) == ("halt", "out_of_gas", "D202", 3)


def test_run_names_the_frames_of_a_trap(tmp_path: Path) -> None:
    file = tmp_path / "trap.wat"
    file.write_text('(module (func $inner (unreachable)) (func $outer (export "f") (call $inner)))')
    done = data("run", str(file), "--entry", "f", code=1)
    assert done["code"] == "D201"
    assert [frame["name"] for frame in done["frames"] if frame["name"]][:2] == ["inner", "outer"]


def test_check_says_every_reason_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bad.wat"
    file.write_text('(module (import "env" "x" (func)) (import "pyde" "sload" (func (param i64))) (func (export "detent:gas")))')
    names = {reason["name"] for reason in data("check", str(file), code=1)["reasons"]}
    assert {"import_unknown", "import_type", "export_reserved", "abi_section"} <= names
    assert detent("check", str(samples.token())).startswith("admitted")


def test_deploy_call_view_account_receipt_on_a_chain_in_a_folder(tmp_path: Path) -> None:
    chain = ["--chain", str(tmp_path / "chain")]
    deployed = data("deploy", str(samples.token()), "1_000", "--name", "gold", *chain)
    assert deployed["name"] == "gold"
    called = data("call", "gold", "transfer", "bob", "250", *chain)
    assert called["outcome"] == "success"
    assert called["events"][0]["name"] == "Transfer"
    assert data("view", "gold", "balance_of", "bob", *chain)["value"] == 250
    refused = data("call", "gold", "transfer", "alice", "10000", "--from", "bob", *chain, code=1)
    assert refused["outcome"] == "revert"
    assert data("receipt", called["tx_hash"], *chain)["gas_used"] == called["gas_used"]
    assert int(data("account", "bob", *chain)["balance"]) > 0
    assert "gold" not in detent("doctor")


def test_errors_have_code_three_and_say_what_to_try(tmp_path: Path) -> None:
    chain = ["--chain", str(tmp_path / "chain")]
    for args, name in [
        (["run", str(tmp_path / "none.wasm"), "--entry", "f"], "file_unreadable"),
        (["call", "nobody", "f", *chain], "contract_unknown"),
        (["receipt", "zz", *chain], "argument_wrong"),
        (["receipt", "00" * 32, *chain], "receipt_unknown"),
        (["bench", "no-such"], "suite_unknown"),
    ]:
        problem = data(*args, code=3)["error"]
        assert problem["name"] == name
        assert problem["cure"]
    done = subprocess.run([sys.executable, "-m", "detent", "receipt", "zz", *chain], capture_output=True, text=True, check=False)
    assert "D801 argument_wrong" in done.stderr
    assert "try:" in done.stderr
    assert "\x1b" not in done.stderr


def test_usage_is_code_two() -> None:
    detent("run", code=2)
    detent("no-such-command", code=2)


def test_doctor_finds_the_core() -> None:
    found = {one["what"]: one["good"] for one in data("doctor")["findings"]}
    assert found["compiled core"]
    assert found["trap signals"]
