"""Generated pages are current, and the README's example runs."""

from __future__ import annotations

import re
import subprocess
import sys

from places import ROOT


def test_generated_pages_are_current() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "tables.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_readme_example_runs_and_has_ten_lines(capsys: object) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    exec(compile(example, "README.md", "exec"), {})
