"""The interpreter, decoder and validator against the WebAssembly 2.0 core test suite (SIMD left out)."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from wast import script
from wast_runner import Script

HELD = {"module": 1040, "assert_return": 21310, "assert_trap": 2369, "assert_invalid": 1477, "assert_malformed": 719}
SKIPPED = {"module": 86, "assert_return": 143, "assert_trap": 34, "assert_malformed": 581, "assert_unlinkable": 83}
"""Skipped are modules that import more than functions and what uses them, entering an import, linking errors, and malformed text."""


def scripts(vectors: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(vectors / "wasm-spec" / "wasm-spec-2.0-core.tar.gz") as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            content = archive.extractfile(member) if member.name.endswith(".wast") else None
            if content is not None:
                yield Path(member.name).stem, content.read().decode()


def published(vectors: Path) -> dict[str, Counter[str]]:
    """How many forms of each kind each script has, as counted by another parser; here three kinds of trap are one."""
    counts = json.loads((vectors / "wasm-spec" / "counts.json").read_text())["files"]
    found = {}
    for file, kinds in counts.items():
        traps = sum(kinds.get(kind, 0) for kind in ("assert_trap", "assert_uninstantiable", "assert_exhaustion"))
        same = {kind: kinds.get(kind, 0) for kind in (*HELD, *SKIPPED) if kind != "assert_trap"}
        found[Path(file).stem] = +Counter({**same, "assert_trap": traps})
    return found


@pytest.mark.slow
def test_every_assertion_of_the_webassembly_test_suite_holds(vectors: Path) -> None:
    expected = published(vectors)
    held: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    failures = []
    for name, text in scripts(vectors):
        run = Script()
        try:
            run.run(script(text))
        except Exception as error:  # every script is tried; the first failure of each is reported
            failures.append(f"{name}: {error!r}")
            continue
        if run.held + run.skipped != expected.pop(name):
            failures.append(f"{name}: the reader loses or invents forms: {run.held + run.skipped}")
        held += run.held
        skipped += run.skipped
    assert not failures, "\n".join(failures)
    assert not expected, "scripts that were not run"
    assert (held, skipped) == (HELD, SKIPPED)
