"""The gas schedule as typed data. Prices are in fuel, sizes in the unit each name says; `docs/metering.md` gives the rules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from .errors import ScheduleError

PROTOCOL = "protocol"
"""Folder of the protocol's data inside the package `detent`."""


@dataclass(frozen=True, slots=True)
class FunctionPrices:
    """Added to the first block of a function."""

    entry: int
    local: int


@dataclass(frozen=True, slots=True)
class DynamicPrices:
    """Per unit of work that an operand names."""

    memory_word: int
    memory_page: int
    table_element: int


@dataclass(frozen=True, slots=True)
class InstancePrices:
    """The instance charge, taken at the start of each frame."""

    base: int
    memory_page: int
    data_word: int
    element: int
    global_: int
    code_word: int


@dataclass(frozen=True, slots=True)
class StackSizes:
    """Bytes of the logical stack."""

    frame: int
    operator: int
    nested_call: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a frame (pages, table elements) and of a transaction (the rest)."""

    memory_pages: int
    table_elements: int
    live_pages: int
    stack_bytes: int
    call_depth: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One version of every price and limit that execution depends on."""

    version: int
    default: int
    free: frozenset[str]
    costs: Mapping[str, int]
    function: FunctionPrices
    dynamic: DynamicPrices
    instance: InstancePrices
    stack: StackSizes
    limits: Limits

    def price(self, operator: str) -> int:
        """Cost of an operator, without dynamic charges; `operator` as in the text format (`i32.div_s`). Section 1."""
        name = operator.replace(".", "_")
        if name in self.free:
            return 0
        return self.costs.get(name, self.default)

    @staticmethod
    @cache
    def current() -> Schedule:
        """The schedule in force, from the package's own data."""
        return Schedule.from_toml(protocol_file("schedule.toml"))

    @staticmethod
    def load(path: str | Path) -> Schedule:
        """A schedule from another file. Raises `ScheduleError`, `OSError`."""
        return Schedule.from_toml(Path(path).read_text(encoding="utf-8"))

    @staticmethod
    def from_toml(text: str) -> Schedule:
        """A schedule from the text of a file. Raises `ScheduleError`. The gate's limits are not the specification's and are skipped."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ScheduleError(f"the schedule is not TOML: {error}") from error
        operators = _section(data, "operators")
        free = operators.get("free")
        if not isinstance(free, list) or not all(isinstance(name, str) for name in free):
            raise ScheduleError("operators.free is not a list of names")
        costs = _section(operators, "cost")
        return Schedule(
            version=_number(_section(data, "schedule"), "version"),
            default=_number(operators, "default"),
            free=frozenset(free),
            costs={name: _number(costs, name) for name in costs},
            function=_table(FunctionPrices, data, "function"),
            dynamic=_table(DynamicPrices, data, "dynamic"),
            instance=_table(InstancePrices, data, "instance"),
            stack=_table(StackSizes, data, "stack"),
            limits=_table(Limits, data, "limits"),
        )


@cache
def reentering_imports() -> frozenset[tuple[str, str]]:
    """(module, name) of every host function that `host.toml` says may enter exports of the calling instance."""
    table = tomllib.loads(protocol_file("host.toml"))
    module = table["abi"]["module"]
    return frozenset((module, name) for name, function in table["fn"].items() if function["reenters"])


def protocol_file(name: str) -> str:
    """Text of one of the protocol's data files."""
    return (resources.files("detent") / PROTOCOL / name).read_text(encoding="utf-8")


_T = TypeVar("_T", FunctionPrices, DynamicPrices, InstancePrices, StackSizes, Limits)


def _table(kind: type[_T], data: Mapping[str, Any], name: str) -> _T:
    section = _section(data, name)
    wanted = [field.name for field in fields(kind)]
    unknown = set(section) - {field.rstrip("_") for field in wanted}
    if unknown:
        raise ScheduleError(f"{name} has unknown entries: {', '.join(sorted(unknown))}")
    return kind(**{field: _number(section, field.rstrip("_")) for field in wanted})


def _section(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = data.get(name)
    if not isinstance(section, dict):
        raise ScheduleError(f"the schedule lacks the section {name}")
    return section


def _number(section: Mapping[str, Any], name: str) -> int:
    value = section.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise ScheduleError(f"{name} is not a non-negative 64-bit integer")
    return value
