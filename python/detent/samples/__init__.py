"""Contracts built from ``examples/`` and shipped with the package, for a first try without a compiler.

A test rebuilds them from source and compares the bytes.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def token() -> Path:
    """The fungible token of ``examples/token``."""
    return _HERE / "token.wasm"


def counter() -> Path:
    """The counter of ``examples/counter``."""
    return _HERE / "counter.wasm"
