"""Hosts as the specification sees them: one method that answers a call of an import with an action.

Actions are data, so that a callback does not nest Python calls: a host that wants to enter the instance returns `CallBack` with a
continuation, and the interpreter calls that continuation when the inner host entry has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .ends import TrapKind
from .module import Import


class View(Protocol):
    """What a host function sees of the running instance (section 7)."""

    @property
    def memory(self) -> bytearray:
        """The linear memory itself; never change its length. Traps if the module has none."""

    @property
    def fuel(self) -> int:
        """Gas left; exact, for every call of an import ends a block."""

    @property
    def rest(self) -> int:
        """Bytes of the logical stack left below the calling activation."""

    @property
    def pages(self) -> int:
        """Pages that the transaction may still add."""

    def charge(self, amount: int) -> None:
        """Takes fuel; ends the frame as out of gas if there is not enough."""

    def read(self, address: int, length: int) -> bytes:
        """A checked range of memory; outside it traps."""

    def write(self, address: int, content: bytes) -> None:
        """Writes a checked range of memory; outside it traps."""


@dataclass(frozen=True, slots=True)
class Return:
    """Goes on with these results, as bits or signed integers."""

    values: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends the frame without a trap: `return` or `revert` of the host ABI."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    """Traps at the call."""

    detail: str = ""
    kind: TrapKind = TrapKind.HOST


@dataclass(frozen=True, slots=True)
class Exhaust:
    """Ends the frame as out of gas."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A callback returned these bits."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trapped:
    """A callback trapped; its refunds are already back on the gas cell."""

    kind: TrapKind
    detail: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """Enters an export of the calling instance; `then` answers the outer call when that has returned or trapped."""

    export: str
    args: Sequence[int]
    then: Callable[[Returned | Trapped], Action]


Action = Return | Stop | Fail | Exhaust | CallBack


class Host(Protocol):
    """The environment of an instance."""

    def call(self, imported: Import, args: tuple[int, ...], view: View) -> Action:
        """Answers a call of an import. `args` are bits, unsigned. May also raise `Trap` and `OutOfGas`, as `View` does."""


class NoHost:
    """Every import traps."""

    def call(self, imported: Import, args: tuple[int, ...], view: View) -> Action:
        """Refuses."""
        del args, view
        return Fail(f"no host function {imported.module}.{imported.name}")
