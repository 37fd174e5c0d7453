"""``detent doctor``: what this machine has, and what a missing piece would need."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    state: str
    good: bool
    needed_for: str


def _version(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def _core() -> Finding:
    try:
        from detent import _core as core  # noqa: PLC0415 - its absence is what is being looked for
    except ImportError as problem:
        return Finding("compiled core", f"does not load: {problem}", False, "everything but detent.spec")
    return Finding("compiled core", f"{core.__version__}, engines {', '.join(core.engines())}", True, "everything but detent.spec")


def _signals() -> Finding:
    from detent import _core as core  # noqa: PLC0415

    intact = core.signals_intact()
    return Finding(
        "trap signals", "in place" if intact else "replaced by another handler", intact, "running contracts compiled to machine code"
    )


def _wasm_target() -> Finding:
    sysroot = _version("rustc", "--print", "sysroot")
    there = sysroot is not None and (Path(sysroot) / "lib/rustlib/wasm32-unknown-unknown").is_dir()
    return Finding(
        "target wasm32-unknown-unknown",
        "there" if there else "missing: rustup target add wasm32-unknown-unknown",
        there,
        "contracts in Rust",
    )


def examine() -> list[Finding]:
    """Looks at everything; the first two are needed, the rest for building contracts."""
    found = [Finding("python", f"{platform.python_version()} ({sys.executable})", sys.version_info >= (3, 11), "everything"), _core()]
    if found[-1].good:
        found.append(_signals())
    rust = _version("rustc", "--version")
    found.append(Finding("rustc", rust or "missing: install Rust with rustup", rust is not None, "contracts in Rust"))
    found.append(_wasm_target())
    found.append(Finding("processors", str(os.cpu_count()), True, "signatures run on all of them"))
    found.append(Finding("platform", platform.platform(), sys.platform.startswith("linux"), "Linux is what is tested"))
    return found
