"""Suite ``calls``: what entering a contract costs, beside wasmtime's own pooling allocator as well tuned as we know how."""

from __future__ import annotations

from typing import Any

from detent import _core
from detent.bench.figures import Figures

NOTHING = "nothing"
#: The modules of the figure: clean, one page dirtied, 17 pages of which 4 are dirtied.
THREE = (NOTHING, "dirties one page", "17 pages, four dirtied")
HUNDRED = "100 host calls"


def measure(*, quick: bool) -> dict[str, Any]:
    """Ours: recycled instance, metered, own stack, guard. Theirs: new store and instance from the pool, not metered."""
    figures = Figures()
    rows = {what: (ours, pooled) for what, ours, pooled in _core.bench_calls(200 if quick else 20_000)}
    figures.add("empty_call_over_wasmtime_pooled", max(rows[what][0] / rows[what][1] for what in THREE), "ratio")
    for what, (ours, pooled) in rows.items():
        key = what.replace(",", "").replace(" ", "_")
        figures.add(f"call_{key}_ns", ours, "ns")
        figures.add(f"call_{key}_pooled_ns", pooled, "ns")
        figures.add(f"call_{key}_ratio", ours / pooled, "ratio")
    ours, bare = ((rows[HUNDRED][side] - rows[NOTHING][side]) / 100 for side in (0, 1))
    figures.add("host_call_ns", ours, "ns")
    figures.add("host_call_bare_wasmtime_ns", bare, "ns")
    figures.add("host_call_charge_ns", ours - bare, "ns")
    figures.notes.append("empty_call: the worst of three modules; host_call_charge: a charged host call less a bare one through wasmtime")
    return figures.result()
