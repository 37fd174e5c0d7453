"""The wheel works in a clean environment without Rust on PATH."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

from places import ROOT


def test_the_readme_example_runs_from_an_installed_wheel_without_rust(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    maturin = [sys.executable, "-m", "maturin", "build", "--quiet", "--locked", "--profile", "dev", "--out", str(wheels)]
    subprocess.run(maturin, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    assert "abi3" in wheel.name
    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", str(wheel)], check=True, env=environment)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    done = subprocess.run([python, "-c", example], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "revert" in done.stdout
    bare = subprocess.run([tmp_path / "clean" / "bin" / "detent", "doctor"], env=environment, capture_output=True, text=True, check=False)
    assert bare.returncode == 3
    assert "pip install 'detent[cli]'" in bare.stderr
