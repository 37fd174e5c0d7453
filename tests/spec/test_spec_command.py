"""`python -m detent.spec`, and that the specification needs nothing compiled and nothing installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from spec_cases import wat

from detent.spec import Schedule, ScheduleError
from detent.spec.__main__ import main
from detent.spec.schedule import protocol_file, reentering_imports

PYTHON = Path(__file__).resolve().parents[2] / "python"
DIVIDE = '(module (func (export "main") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s i32.const 1 i32.add))'


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "module.wasm"
    path.write_bytes(wat(DIVIDE))
    return str(path)


def test_a_run_as_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    # 1000 and two words of code; entry 2, get, get, div 10, const, add 2.
    assert main(["run", file, "--entry", "main", "--fuel", "5000", "--json", "--args", "-7", "0x2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"end": "returned", "used": 1016, "results": [2**32 - 2], "frames": [], "detail": ""}


def test_a_trap_for_people_and_without_the_instance_charge(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", file, "--entry", "main", "--fuel", "5000", "--no-instance-charge", "--args", "7", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "trapped:integer_division_by_zero, 12 fuel used"
    assert lines[1].startswith("  in function 0 at i32.div_s") and lines[1].endswith("2 fuel given back")


def test_what_cannot_run_is_refused_with_its_code(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", file, "--entry", "nowhere", "--fuel", "1"]) == 2
    assert capsys.readouterr().err.startswith("D207 ")
    bad = tmp_path / "bad.wasm"
    bad.write_bytes(b"\0asm\1\0\0\0\xff")
    assert main(["run", str(bad), "--entry", "main", "--fuel", "1"]) == 2
    assert capsys.readouterr().err.startswith("D101 ")
    assert main(["run", str(tmp_path / "absent"), "--entry", "main", "--fuel", "1"]) == 2


def test_it_runs_isolated_from_site_packages_and_the_compiled_core(file: str) -> None:
    program = (
        "import sys, runpy; sys.modules['detent._core'] = None; sys.argv[0:1] = ['detent.spec'];"
        "runpy.run_module('detent.spec', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, "run", file, "--entry", "main", "--fuel", "5000", "--args", "6", "3"],
        env={**os.environ, "PYTHONPATH": str(PYTHON)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "returned, 1016 fuel used\nresults 3\n"


def test_the_schedule_in_force_is_the_packages_file_and_another_may_be_loaded(tmp_path: Path) -> None:
    text = protocol_file("schedule.toml")
    assert Schedule.current() == Schedule.from_toml(text)
    other = tmp_path / "schedule.toml"
    other.write_text(text.replace("i32_div_s = 8", "i32_div_s = 88"))
    assert Schedule.load(other).price("i32.div_s") == Schedule.current().price("i32.div_s") + 80 == 88
    assert Schedule.current().price("loop") == 0
    assert Schedule.current().price("i32.add") == 1


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("[stack]\nframe = 64", "[stack]", "frame"),
        ("frame = 64", "frame = -64", "frame"),
        ("frame = 64", "frame = 6.4", "frame"),
        ("frame = 64", "frame = true", "frame"),
        ("frame = 64", "frame = 64\nframes = 1", "frames"),
        ("[stack]", "[stacks]", "stack"),
        ('free = ["block"', 'free = [1, "block"', "free"),
        ("[stack]", "[stack", "TOML"),
    ],
)
def test_a_schedule_that_is_not_whole_is_refused(old: str, new: str, what: str) -> None:
    text = protocol_file("schedule.toml")
    assert old in text
    with pytest.raises(ScheduleError, match=what):
        Schedule.from_toml(text.replace(old, new))


def test_reentering_imports_come_from_the_host_table() -> None:
    assert all(module == "pyde" for module, _ in reentering_imports())
