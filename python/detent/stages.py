"""The stages alone, no chain needed: admission, metering, running one module."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from detent import _core
from detent.errors import error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

Source = "bytes | str | PathLike[str]"


def load(source: bytes | str | PathLike[str]) -> bytes:
    """A module's bytes: given as bytes, as a path to ``.wasm`` or ``.wat``, or as WebAssembly text."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and source.lstrip().startswith("(module"):
        return _core.wat2wasm(source)
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise error("file_unreadable", problem.strerror or str(problem), str(path)) from None
    return _core.wat2wasm(data.decode("utf-8", "replace")) if path.suffix == ".wat" else data


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the gate refuses a module."""

    code: str
    name: str
    #: Which rule of docs/gate.md.
    rule: str
    message: str
    offset: int | None
    function: int | None
    hint: str


@dataclass(frozen=True, slots=True)
class Report:
    """The gate's answer: every reason at once, and the module's sizes and counts."""

    reasons: tuple[Reason, ...]
    #: How many more reasons of a rule there are than were listed.
    omitted: dict[str, int]
    warnings: tuple[str, ...]
    facts: dict[str, Any]

    @property
    def admitted(self) -> bool:
        """Whether nothing speaks against the module."""
        return not self.reasons

    def __bool__(self) -> bool:
        return self.admitted


def check(wasm: bytes | str | PathLike[str], *, contract: bool = True) -> Report:
    """Asks the gate. ``contract=False`` admits modules without an ABI section, as :func:`run` does."""
    data = json.loads(_core.check(load(wasm), contract))
    return Report(tuple(Reason(**reason) for reason in data["reasons"]), data["omitted"], tuple(data["warnings"]), data["facts"])


def meter(wasm: bytes | str | PathLike[str], *, form: Literal["side", "fine"] = "side") -> _core.Metered:
    """The module's deterministic form (docs/metering.md)."""
    return _core.meter(load(wasm), form)


def run(
    wasm: bytes | str | PathLike[str],
    entry: str,
    *,
    args: Sequence[int] = (),
    calldata: bytes = b"",
    value: int = 0,
    gas: int | None = None,
    fuel: int | None = None,
    fuel_per_gas: int = 1,
    engine: str = "cranelift",
    instance_charge: bool = True,
) -> _core.Run:
    """Runs one export of a module on an empty state and says how it ended; outcome is data, not an exception.

    ``args`` are raw bits of the export's parameters. The limit is ``gas`` (times ``fuel_per_gas``) or ``fuel``;
    without either ten million gas.
    """
    if gas is not None and fuel is not None:
        raise error("argument_wrong", "give gas or fuel, not both")
    limit = fuel if fuel is not None else (10_000_000 if gas is None else gas) * fuel_per_gas
    return _core.run(
        load(wasm),
        entry,
        args=list(args),
        calldata=calldata,
        value=value,
        fuel=limit,
        fuel_per_gas=fuel_per_gas,
        engine=engine,
        instance_charge=instance_charge,
    )
