"""Small helpers of the specification's tests: text to binary, a run without the instance charge, a scripted host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import wasmtime

from detent.spec import Ended, Return, run
from detent.spec.host import Action, View
from detent.spec.module import Import

PLENTY = 10**9


@cache
def wat(text: str) -> bytes:
    """The binary of a module's text, not validated."""
    return bytes(wasmtime.wat2wasm(text))


def ran(text: str, args: Sequence[int] = (), **options: Any) -> Ended:
    """Runs `main`, by default with plenty of fuel and without the instance charge, which would only shift every number."""
    return run(wat(text), options.pop("entry", "main"), args, **({"fuel": PLENTY, "instance_charge": False} | options))


def used(text: str, *args: int, **options: Any) -> int:
    """Fuel of a run that must return."""
    ended = ran(text, args, **options)
    assert ended.end == "returned", ended
    return ended.used


class Scripted:
    """A host that answers each import by a function of (args, view), and writes down what it saw."""

    def __init__(self, **answers: Callable[[tuple[int, ...], View], Action]) -> None:
        self.answers = answers
        self.seen: list[tuple[str, tuple[int, ...], int, int]] = []

    def call(self, imported: Import, args: tuple[int, ...], view: View) -> Action:
        self.seen.append((imported.name, args, view.fuel, view.rest))
        answer = self.answers.get(imported.name)
        return Return() if answer is None else answer(args, view)
