"""``detent bench SUITE``: figures as ratios beside a peer or a physical limit, in one run, medians of many.

The result is ``{"figures": {KEY: {"value": x, "unit": u}}, "notes": [...]}``; ``benchmarks/README.md`` explains each key.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from detent.errors import error

_SUITES = {
    "transfers": "detent.bench.transfers",
    "calls": "detent.bench.calls",
    "python": "detent.bench.interpreter",
    "meters": "detent.bench.meters",
}


def run_suite(suite: str, *, quick: bool = False) -> dict[str, Any]:
    """Runs one suite. ``quick`` shrinks the sizes until the figures mean little, to test that it works."""
    if suite not in _SUITES:
        raise error("suite_unknown", f"{suite!r}; there are {', '.join(_SUITES)}")
    result: dict[str, Any] = import_module(_SUITES[suite]).measure(quick=quick)
    return result
