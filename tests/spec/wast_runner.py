"""Runs `.wast` scripts on the specification's interpreter. Instances outlive their calls; modules may import functions only."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from wast import Form, binary_of, constants

from detent.spec import InvalidModule, MalformedModule, NotAdmitted, Program, Return, Schedule, Trap, TrapKind, prepare
from detent.spec.binary import decode
from detent.spec.host import Action, View
from detent.spec.instance import Instance
from detent.spec.interpreter import Machine
from detent.spec.module import Import
from detent.spec.run import MAX_FUEL

LIMITS = dataclasses.replace(Schedule.current().limits, memory_pages=2048, table_elements=100_000, stack_bytes=1 << 20)
SCHEDULE = dataclasses.replace(Schedule.current(), limits=LIMITS)

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
        self.used = 0
        """Fuel used by all calls and start functions so far, whether they returned or trapped."""

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
        self.instance = Instance(program.module, program.schedule.limits)
        self.instance.apply_segments(program.module)
        if program.module.start is not None:
            self.enter(program.module.start, [])

    def enter(self, function: int, args: list[int]) -> tuple[int, ...]:
        limits = self.program.schedule.limits
        machine = Machine(self.program, self.instance, self.linker, MAX_FUEL, limits.live_pages)
        try:
            return machine.enter(function, args, limits.stack_bytes)
        finally:
            self.linker.used += MAX_FUEL - machine.gas

    def invoke(self, name: str, args: list[int]) -> tuple[int, ...]:
        return self.enter(self.program.entry(name, len(args)), args)


class Script:
    """Runs the forms of one script; what cannot be expressed here is counted, not passed."""

    def __init__(self, schedule: Schedule = SCHEDULE) -> None:
        self.schedule = schedule
        self.held: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.linker = Linker()
        self.named: dict[str, Live | None] = {}
        self.current: Live | None = None

    def prepare(self, wasm: bytes) -> Program:
        return prepare(wasm, self.schedule)

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
            program = self.prepare(wasm)
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
            self.prepare(wasm)
            pytest.fail(f"valid: {form.text}")
        self.tally("assert_invalid", True)

    def assert_malformed(self, form: Form) -> None:
        if "binary" not in form.forms[0].items[:3]:
            self.tally("assert_malformed", False)  # text, which is not this decoder's business
            return
        with pytest.raises(MalformedModule):
            self.prepare(binary_of(form.forms[0]))
            pytest.fail(f"well-formed: {form.text}")
        self.tally("assert_malformed", True)

    def assert_unlinkable(self, form: Form) -> None:
        self.tally("assert_unlinkable", False)
