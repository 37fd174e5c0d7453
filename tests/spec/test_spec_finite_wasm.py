"""Where charges fall, against another project's metering: the gas of 25,000 steps of near/finite-wasm (its traps included).

Its prices: an operator 1, `end` and `else` 0; a `loop` is paid on every arrival at its body, where here it belongs to the block
before it. So `loop` is free here and the price is put on the loop's header. Bulk operators there cost 1 a byte or element: for
tables that is a price of ours, for memories it is not (words): those steps are left out and counted. `table.grow` is flat there,
and so here.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wast import Form, script
from wast_runner import SCHEDULE, Script

from detent.spec import Program
from detent.spec.schedule import DynamicPrices, FunctionPrices

UNIT = dataclasses.replace(
    SCHEDULE,
    default=1,
    free=frozenset({"end", "else", "loop"}),
    costs={},
    function=FunctionPrices(0, 0),
    dynamic=DynamicPrices(memory_word=0, memory_page=0, table_element=1),
)

COUNTS = {"compared": 24_665, "not runnable here": 246, "bytes": 118}


class OneForEachArrival(Script):
    """Adds 1 to the header of each loop, unless the rule that no round is free has put it there."""

    def prepare(self, wasm: bytes) -> Program:
        program = super().prepare(wasm)
        for code in program.codes:
            body = code.shape.function.body
            for position, operator in enumerate(body[:-1], 1):
                if operator.name == "loop" and code.refunded[position] + self.schedule.price(body[position].name) > 0:
                    code.taken[position] += 1
        return program


def step_of(form: Form) -> Form | None:
    """The module or call that a form makes a step of; assertions of exhaustion are not in the vectors."""
    if form.head in ("assert_return", "assert_trap"):
        form = form.forms[0]
    return form if form.head in ("module", "invoke") else None


def compare(text: str, steps: Iterator[dict[str, Any]], count: Counter[str], *, grows: bool, table: bool) -> list[str]:
    """Runs a script beside its steps."""
    run = OneForEachArrival(dataclasses.replace(UNIT, dynamic=DynamicPrices(0, 0, 0)) if grows else UNIT)
    different = []
    for form in script(text):
        inner = step_of(form)
        before, skipped = run.linker.used, run.skipped.total()
        run.run([form])
        if inner is None:
            continue
        step = next(steps)
        assert step["kind"] == inner.head, form.text
        if inner.head == "invoke":
            assert step.get("field", "").encode() == inner.strings[0], form.text
        if run.skipped.total() > skipped or (form.head == "invoke" and run.live(form) is None):
            count["not runnable here"] += 1
        elif "bulk" in step and not table:
            count["bytes"] += 1
        else:
            count["compared"] += 1
            if run.linker.used - before != step["gas"]:
                different.append(f"{form.text[:100]} used {run.linker.used - before}, not {step['gas']}")
    assert next(steps, None) is None, "steps left over"
    return different


@pytest.mark.slow
def test_charges_fall_where_another_metering_puts_them(vectors: Path) -> None:
    folder = vectors / "metering"
    with tarfile.open(folder / "finite-wasm-tests.tar.gz") as archive:
        texts = {
            member.name.removeprefix("./"): archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive.getmembers()
            if member.name.endswith(".wast")
        }
    with gzip.open(folder / "finite-wasm-gas.jsonl.gz", "rt") as lines:
        files = [json.loads(line) for line in lines][1:]
    count: Counter[str] = Counter()
    different = []
    for file in files:
        name = file["file"]
        grows = name in ("table_grow.wast", "table_size.wast")
        found = compare(texts[name], iter(file["steps"]), count, grows=grows, table=name.startswith("table"))
        different += [f"{name}: {line}" for line in found]
    assert not different, "\n".join(different)
    assert count == COUNTS
    assert count.total() == sum(len(file["steps"]) for file in files)
