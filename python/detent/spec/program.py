"""A module made ready to run: see `prepare`, which builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .checker import Shape
from .errors import EntryUnknown, NotAdmitted
from .module import FunctionType, Import, Module
from .schedule import Schedule
from .stack import StackPlan

if TYPE_CHECKING:
    from .interpreter import Activation, Machine

Step = Callable[["Machine", "Activation"], "int | None"]
"""Executes one operator of an activation; gives the operator to go on with, None for the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A defined function. `taken`, `refunded` and `steps` have one entry more than the body: the return of the function."""

    index: int
    type: FunctionType
    shape: Shape
    zeros: list[int]
    taken: list[int]
    refunded: list[int]
    plan: StackPlan
    steps: list[Step]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Can be instantiated any number of times. `types` are those of all functions, `exports` the exported functions by name."""

    module: Module
    schedule: Schedule
    imports: list[Import]
    types: list[FunctionType]
    codes: list[Code]
    exports: dict[str, int]

    def code(self, function: int) -> Code:
        """Of a function of the index space. Raises `NotAdmitted` for an import: the host enters defined functions only."""
        if function < len(self.imports):
            raise NotAdmitted(f"function {function} is an import and cannot be entered by the host")
        return self.codes[function - len(self.imports)]

    def entry(self, name: str, arguments: int) -> int:
        """The function of an export that takes so many arguments. Raises `EntryUnknown`."""
        function = self.exports.get(name)
        if function is None:
            raise EntryUnknown(f"no exported function {name!r}")
        if len(self.types[function].params) != arguments:
            raise EntryUnknown(f"{name!r} takes {len(self.types[function].params)} arguments, not {arguments}")
        return function
