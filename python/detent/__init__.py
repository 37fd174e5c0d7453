"""Detent: deterministic WebAssembly smart contracts.

    import detent

    with detent.Chain() as chain:
        alice, bob = chain.accounts("alice", "bob")
        token = chain.deploy(detent.samples.token(), 1_000_000, sender=alice)
        token.transfer(bob, 250, sender=alice)
        assert token.balance_of(bob) == 250

:class:`Chain` is a whole execution layer, in memory or on a durable store. :func:`check`, :func:`meter` and :func:`run` are its
stages alone: admission, rewriting into the deterministic form, and running one module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detent import samples as samples
    from detent._core import Block as Block
    from detent._core import Event as Event
    from detent.accounts import Account as Account
    from detent.chain import Chain as Chain
    from detent.chain import Genesis as Genesis
    from detent.contracts import Contract as Contract
    from detent.errors import DetentError as DetentError
    from detent.receipts import Receipt as Receipt
    from detent.stages import check as check
    from detent.stages import meter as meter
    from detent.stages import run as run
    from detent.toolchain import build as build

__version__ = "0.1.0"

# Loaded at first use: `import detent` is quick, and `detent.spec` needs no compiled core.
_HOMES = {
    "Account": "detent.accounts",
    "Block": "detent._core",
    "Chain": "detent.chain",
    "Contract": "detent.contracts",
    "DetentError": "detent.errors",
    "Event": "detent._core",
    "Genesis": "detent.chain",
    "Receipt": "detent.receipts",
    "build": "detent.toolchain",
    "check": "detent.stages",
    "meter": "detent.stages",
    "run": "detent.stages",
}

__all__ = ["__version__", "samples", *sorted(_HOMES)]  # noqa: PLE0604 - names are literals of the table above


def __getattr__(name: str) -> Any:
    if name == "samples":
        return import_module("detent.samples")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'detent' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
