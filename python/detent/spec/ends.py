"""How executions end: the stable names, and the exceptions that carry an end inside the interpreter."""
# ruff: noqa: N818 (ends of a contract are not errors of this program)

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .instance import Instance


class TrapKind(StrEnum):
    """Why WebAssembly, the host, or a rule of section 5 traps."""

    UNREACHABLE = "unreachable"
    MEMORY_OUT_OF_BOUNDS = "memory_out_of_bounds"
    TABLE_OUT_OF_BOUNDS = "table_out_of_bounds"
    INDIRECT_CALL_TO_NULL = "indirect_call_to_null"
    BAD_SIGNATURE = "bad_signature"
    INTEGER_OVERFLOW = "integer_overflow"
    INTEGER_DIVISION_BY_ZERO = "integer_division_by_zero"
    BAD_CONVERSION_TO_INTEGER = "bad_conversion_to_integer"
    HOST = "host"
    STACK_OVERFLOW = "stack_overflow"

    @property
    def end(self) -> End:
        """The end of a frame that traps so."""
        return End.STACK_OVERFLOW if self is TrapKind.STACK_OVERFLOW else End(f"trapped:{self.value}")


class End(StrEnum):
    """How a frame ended."""

    RETURNED = "returned"
    STOPPED = "stopped"
    OUT_OF_GAS = "out_of_gas"
    STACK_OVERFLOW = "stack_overflow"
    OUT_OF_MEMORY = "out_of_memory"
    TRAPPED_UNREACHABLE = "trapped:unreachable"
    TRAPPED_MEMORY_OUT_OF_BOUNDS = "trapped:memory_out_of_bounds"
    TRAPPED_TABLE_OUT_OF_BOUNDS = "trapped:table_out_of_bounds"
    TRAPPED_INDIRECT_CALL_TO_NULL = "trapped:indirect_call_to_null"
    TRAPPED_BAD_SIGNATURE = "trapped:bad_signature"
    TRAPPED_INTEGER_OVERFLOW = "trapped:integer_overflow"
    TRAPPED_INTEGER_DIVISION_BY_ZERO = "trapped:integer_division_by_zero"
    TRAPPED_BAD_CONVERSION_TO_INTEGER = "trapped:bad_conversion_to_integer"
    TRAPPED_HOST = "trapped:host"


@dataclass(frozen=True, slots=True)
class Standing:
    """A live activation at a trap: function index, its operator, that operator's offset in the original binary, the fuel it gets back."""

    function: int
    operator: str
    offset: int
    refund: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A finished frame. `results` are bits, unsigned; `frames` are the live activations at a trap, innermost first."""

    end: End
    used: int
    results: tuple[int, ...] = ()
    frames: tuple[Standing, ...] = ()
    detail: str = ""
    instance: Instance | None = field(default=None, compare=False, repr=False)


class Trap(Exception):
    """Ends the running host entry."""

    def __init__(self, kind: TrapKind, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


class OutOfGas(Exception):
    """Ends the frame and uses its whole limit."""


class Stopped(Exception):
    """A host function ends the frame without a trap."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
