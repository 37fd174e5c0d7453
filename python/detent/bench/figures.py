"""Collecting figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Figures:
    """Named values with units, and remarks for people."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, key: str, value: float, unit: str) -> None:
        """One figure."""
        self.values[key] = {"value": value, "unit": unit}

    def result(self) -> dict[str, Any]:
        """What a suite returns."""
        return {"figures": self.values, "notes": self.notes}


def interleaved(rounds: int, works: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each work's own measurement over rounds in which all take turns, so that drift touches all alike."""
    return {name: statistics.median(values) for name, values in by_round(rounds, works).items()}


def ratio(over: list[float], under: list[float]) -> float:
    """The median of two works' ratios within each round: what slows a round down slows both."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def by_round(rounds: int, works: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each work's measurements, one a round. The first round warms up and is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            value = work()
            if number:
                taken[name].append(value)
    return taken


def geomean(values: Iterable[float]) -> float:
    """Geometric mean."""
    found = list(values)
    return math.exp(sum(math.log(value) for value in found) / len(found))
