"""The catalogue: unique, documented, and every code raised by some test."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from detent import errors
from places import ROOT

NAMES = sorted({entry.name for entry in errors.catalogue().values()})


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _tests() -> str:
    """All test code: Python tests, Rust integration tests, and the test modules at the end of Rust files."""
    texts = [path.read_text(encoding="utf-8") for path in Path(ROOT / "tests").rglob("*.py") if path.name != "test_errors.py"]
    for path in Path(ROOT / "crates").rglob("*.rs"):
        text = path.read_text(encoding="utf-8")
        texts.append(
            text
            if "tests" in path.parts or path.stem in {"tests", "scenarios"}
            else text[text.find("#[cfg(test)]") :]
            if "#[cfg(test)]" in text
            else ""
        )
    return "\n".join(texts)


def test_every_code_is_raised_by_a_test() -> None:
    text = _tests()
    entries = errors.catalogue()
    missing = [name for name in NAMES if not re.search(rf"\b{name}\b|\b{entries[name].code}\b|Code::{_camel(name)}\b", text)]
    assert not missing, f"no test raises: {', '.join(missing)}"


@pytest.mark.parametrize("name", NAMES)
def test_an_error_says_what_where_and_what_to_try(name: str) -> None:
    problem = errors.error(name, "this time", "there")
    entry = errors.catalogue()[name]
    text = str(problem)
    assert entry.code in text
    assert name in text
    assert "this time (at there)" in text
    assert entry.cure in text
    again = pickle.loads(pickle.dumps(problem))
    assert type(again) is type(problem)
    assert again.to_dict() == problem.to_dict()
    assert errors.error(entry.code).name == name
