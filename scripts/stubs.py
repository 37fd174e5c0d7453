"""Compares the stub of the compiled core with the core itself (mypy.stubtest)."""

import subprocess
import sys

if __name__ == "__main__":
    command = [sys.executable, "-m", "mypy.stubtest", "detent._core", "--concise", "--mypy-config-file", "pyproject.toml"]
    raise SystemExit(subprocess.run(command, check=False).returncode)
