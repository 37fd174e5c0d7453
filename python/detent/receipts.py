"""Receipts with the contract's ABI applied: decoded results and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detent import _core
    from detent.contracts import Interface


@dataclass(frozen=True, slots=True)
class DecodedEvent:
    """An event by name and fields, as its contract's ABI declares it."""

    name: str
    fields: dict[str, Any]
    raw: _core.Event

    def __getitem__(self, field: str) -> Any:
        return self.fields[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)


class Receipt:
    """What became of a transaction: outcome, gas, output, events. Outcome is data, not an exception."""

    __slots__ = ("_function", "_interface", "core")

    def __init__(self, core: _core.Receipt, interface: Interface | None = None, function: str | None = None) -> None:
        self.core = core
        self._interface = interface
        self._function = function

    @property
    def outcome(self) -> str:
        """``success``, ``revert`` or ``halt``."""
        return self.core.outcome

    @property
    def ok(self) -> bool:
        """Whether the outcome is ``success``."""
        return self.core.outcome == "success"

    @property
    def gas_used(self) -> int:
        """Gas, everything included."""
        return self.core.gas_used

    @property
    def fee_paid(self) -> int:
        """Quanta: gas used times base fee."""
        return self.core.fee_paid

    @property
    def output(self) -> bytes:
        """Return or revert bytes."""
        return self.core.output

    @property
    def value(self) -> Any:
        """The result decoded by the function's declared type; ``None`` without one or without success."""
        if not self.ok or self._interface is None or self._function is None:
            return None
        return self._interface.decode_result(self._function, self.core.output)

    @property
    def revert_reason(self) -> str | None:
        """The revert bytes as text, if the contract reverted."""
        return self.core.output.decode("utf-8", "replace") if self.core.outcome == "revert" else None

    @property
    def reason(self) -> str | None:
        """Why it halted, or the revert text."""
        return self.core.reason if self.core.outcome == "halt" else self.revert_reason

    @property
    def events(self) -> list[DecodedEvent]:
        """Events in order; those that no known ABI declares have the name ``?``."""
        decode = self._interface.decode_event if self._interface else None
        out = []
        for event in self.core.events:
            found = decode(event) if decode else None
            out.append(found or DecodedEvent("?", {"topics": event.topics, "data": event.data}, event))
        return out

    @property
    def tx_hash(self) -> bytes:
        """32 bytes."""
        return self.core.tx_hash

    @property
    def height(self) -> int:
        """The block that holds it."""
        return self.core.height

    def __repr__(self) -> str:
        tail = f" {self.reason!r}" if not self.ok else ""
        return f"<Receipt {self.outcome}{tail} gas_used={self.gas_used} events={len(self.core.events)}>"
