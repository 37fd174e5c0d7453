"""The interpreter, decoder and validator against the WebAssembly 2.0 core test suite (SIMD left out)."""

from __future__ import annotations

import dataclasses
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from wast import Form, binary_of, constants, script

from detent.spec import InvalidModule, MalformedModule, NotAdmitted, Program, Return, Schedule, Trap, TrapKind, prepare
from detent.spec.binary import decode
from detent.spec.host import Action, View
from detent.spec.instance import Instance
from detent.spec.interpreter import Machine
from detent.spec.module import Import
from detent.spec.run import MAX_FUEL

LIMITS = dataclasses.replace(Schedule.current().limits, memory_pages=2048, table_elements=100_000, stack_bytes=1 << 20)
SCHEDULE = dataclasses.replace(Schedule.current(), limits=LIMITS)

HELD = {"module": 1040, "assert_return": 21310, "assert_trap": 2369, "assert_invalid": 1477, "assert_malformed": 719}
SKIPPED = {"module": 86, "assert_return": 143, "assert_trap": 34, "assert_malformed": 581, "assert_unlinkable": 83}
"""Skipped are modules that import more than functions and what uses them, entering an import, linking errors, and malformed text."""

MESSAGES = {
    "unreachable": TrapKind.UNREACHABLE,
    "out of bounds memory access": TrapKind.MEMORY_OUT_OF_BOUNDS,
    "out of bounds table access": TrapKind.TABLE_OUT_OF_BOUNDS,
    "undefined element": TrapKind.TABLE_OUT_OF_BOUNDS,
    "undefined": TrapKind.TABLE_OUT_OF_BOUNDS,
    "uninitialized element": TrapKind.INDIRECT_CALL_TO_NULL,
    "uninitialized": TrapKind.INDIRECT_CALL_TO_NULL,
    "indirect call type mismatch": TrapKind.BAD_SIGNATURE,
    "integer overflow": TrapKind.INTEGER_OVERFLOW,
    "integer divide by zero": TrapKind.INTEGER_DIVISION_BY_ZERO,
    "invalid conversion to integer": TrapKind.BAD_CONVERSION_TO_INTEGER,
    "call stack exhausted": TrapKind.STACK_OVERFLOW,
}


class Linker:
    """The module `spectest`, whose functions print, and the modules that a script registered."""

    def __init__(self) -> None:
        self.registered: dict[str, Live] = {}

    def call(self, imported: Import, args: tuple[int, ...], view: View) -> Action:
        if imported.module == "spectest":
            return Return()
        provider = self.registered[imported.module]
        if not provider.trusted:
            raise NotAdmitted("shares what a module outside this test may have written")
        return Return(provider.invoke(imported.name, list(args)))

    def links(self, program: Program) -> bool:
        for imported in program.imports:
            provider = self.registered.get(imported.module)
            provided = provider is not None and imported.name in provider.program.exports
            if not provided and not (imported.module == "spectest" and imported.name.startswith("print")):
                return False
        return True

    def touched(self, wasm: bytes) -> None:
        """A module that cannot be run here may write what it shares with registered ones: trust these no more."""
        for imported in decode(wasm).imports:
            if not isinstance(imported.type, int) and imported.module in self.registered:
                self.registered[imported.module].trusted = False


class Live:
    """An instance that outlives its calls."""

    def __init__(self, program: Program, linker: Linker) -> None:
        self.program = program
        self.linker = linker
        self.trusted = True
        self.instance = Instance(program.module, SCHEDULE.limits)
        self.instance.apply_segments(program.module)
        if program.module.start is not None:
            self.machine().enter(program.module.start, (), LIMITS.stack_bytes)

    def machine(self) -> Machine:
        return Machine(self.program, self.instance, self.linker, MAX_FUEL, SCHEDULE.limits.live_pages)

    def invoke(self, name: str, args: list[int]) -> tuple[int, ...]:
        return self.machine().enter(self.program.entry(name, len(args)), args, LIMITS.stack_bytes)


class Script:
    """Runs the forms of one script; what cannot be expressed here is counted, not passed."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.linker = Linker()
        self.named: dict[str, Live | None] = {}
        self.current: Live | None = None

    def run(self, forms: list[Form]) -> None:
        for form in forms:
            getattr(self, form.head)(form)

    def live(self, form: Form) -> Live | None:
        """The instance that a form names, or the latest; None if it cannot be run here."""
        found = self.named[form.identifier] if form.identifier else self.current
        return found if found is not None and found.trusted else None

    def instantiate(self, form: Form) -> Live | None:
        wasm = binary_of(form)
        try:
            program = prepare(wasm, SCHEDULE)
        except NotAdmitted:
            self.linker.touched(wasm)
            return None
        if not self.linker.links(program) or program.module.start in range(len(program.imports)):
            return None
        return Live(program, self.linker)

    def module(self, form: Form) -> None:
        self.current = self.instantiate(form)
        self.tally("module", self.current is not None)
        if form.identifier:
            self.named[form.identifier] = self.current

    def register(self, form: Form) -> None:
        live = self.live(Form(form.items[1:], form.text))
        if live is not None:
            self.linker.registered[form.strings[0].decode()] = live

    def invoke(self, form: Form) -> tuple[int, ...] | None:
        live = self.live(form)
        if live is None:
            return None
        args = [constant.bits for constant in constants(form.forms)]
        return live.invoke(form.strings[0].decode(), [arg for arg in args if arg is not None])

    def get(self, form: Form) -> tuple[int, ...] | None:
        live = self.live(form)
        if live is None:
            return None
        name = form.strings[0].decode()
        index = next(export.index for export in live.program.module.exports if export.name == name and export.kind == "global")
        return (live.instance.globals[index],)

    def action(self, form: Form) -> tuple[int, ...] | None:
        try:
            return self.invoke(form) if form.head == "invoke" else self.get(form)
        except NotAdmitted:  # an exported import, or something shared
            return None

    def assert_return(self, form: Form) -> None:
        found = self.action(form.forms[0])
        self.tally("assert_return", found is not None)
        if found is None:
            return
        expected = list(constants(form.forms[1:]))
        assert len(found) == len(expected), form.text
        assert all(want.matches(value) for want, value in zip(expected, found, strict=True)), f"{form.text} gave {found}"

    def tally(self, kind: str, done: bool) -> None:
        (self.held if done else self.skipped)[kind] += 1

    def assert_trap(self, form: Form) -> None:
        message = form.strings[0].decode()
        kind = next(MESSAGES[start] for start in sorted(MESSAGES, key=len, reverse=True) if message.startswith(start))
        try:
            inner = form.forms[0]
            done = self.instantiate(inner) if inner.head == "module" else self.action(inner)
        except Trap as trap:
            assert trap.kind is kind, form.text
            self.tally("assert_trap", True)
        else:
            assert done is None, f"did not trap: {form.text}"
            self.tally("assert_trap", False)

    assert_exhaustion = assert_trap

    def assert_invalid(self, form: Form) -> None:
        wasm = binary_of(form.forms[0])
        with pytest.raises(InvalidModule):
            prepare(wasm, SCHEDULE)
            pytest.fail(f"valid: {form.text}")
        self.tally("assert_invalid", True)

    def assert_malformed(self, form: Form) -> None:
        if "binary" not in form.forms[0].items[:3]:
            self.tally("assert_malformed", False)  # text, which is not this decoder's business
            return
        with pytest.raises(MalformedModule):
            prepare(binary_of(form.forms[0]), SCHEDULE)
            pytest.fail(f"well-formed: {form.text}")
        self.tally("assert_malformed", True)

    def assert_unlinkable(self, form: Form) -> None:
        self.tally("assert_unlinkable", False)


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
