"""Building what benchmarks run: the workloads crate for wasm and for this machine, and the raw-slot token."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from detent.errors import error

GUESTS = Path(__file__).resolve().parents[3] / "benchmarks" / "guests"
TARGET = Path(__file__).resolve().parents[3] / "target" / "guests"
WASM = "wasm32-unknown-unknown"


def _cargo(crate: str, *options: str) -> None:
    folder = GUESTS / crate
    if not folder.is_dir():
        raise error("file_unreadable", "benchmarks need the repository's benchmarks/guests", str(folder))
    try:
        command = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", str(TARGET), *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise error("compiler_missing", "cargo is not on PATH") from None
    if done.returncode:
        raise error("compile_failed", done.stderr.strip()[-2000:], str(folder))


@cache
def workloads_wasm() -> bytes:
    """The workloads for engines."""
    _cargo("workloads", "--target", WASM)
    return (TARGET / WASM / "release" / "workloads.wasm").read_bytes()


@cache
def workloads_native() -> Path:
    """The same source as machine code, baseline CPU, as a shared library."""
    _cargo("workloads")
    return TARGET / "release" / "libworkloads.so"


@cache
def raw_token() -> bytes:
    """The hand-tuned token on raw slots."""
    from detent.toolchain import build  # noqa: PLC0415 - pulls in the toolchain

    return build(GUESTS / "raw_token").wasm.read_bytes()
