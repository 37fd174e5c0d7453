"""Callbacks: the specification gives what ``data/callbacks.txt`` says, and so do both engines (crates/engine/tests/callbacks.rs)."""

from __future__ import annotations

from pathlib import Path

from detent import _core, spec

DATA = Path(__file__).parent / "data"
EXPORTS = {1: "g", 2: "deep", 3: "f"}


class Back:
    """Enters an export for each call, and answers its result, or -1 when it trapped."""

    def call(self, imported: spec.Import, args: tuple[int, ...], view: spec.View) -> spec.Action:
        def then(ended: spec.Returned | spec.Trapped) -> spec.Action:
            return spec.Return((ended.values[0] if isinstance(ended, spec.Returned) else 0xFFFF_FFFF,))

        return spec.CallBack(EXPORTS[args[0]], (args[1],), then)


def line(wasm: bytes, entry: str, arg: int, fuel: int) -> str:
    ended = spec.run(wasm, entry, (arg,), fuel=fuel, host=Back(), instance_charge=False, reentering={("t", "h")})
    return f"{entry} {arg} {fuel} {ended.end} {ended.used} {' '.join(map(str, ended.results)) or '-'}"


def test_the_specification_gives_what_the_table_says() -> None:
    wasm = _core.wat2wasm((DATA / "callbacks.wat").read_text())
    rows = [row for row in (DATA / "callbacks.txt").read_text().splitlines() if not row.startswith("#")]
    assert len(rows) > 60
    for row in rows:
        entry, arg, fuel, *_ = row.split()
        assert line(wasm, entry, int(arg), int(fuel)) == row


def test_a_callback_by_hand() -> None:
    wasm = _core.wat2wasm((DATA / "callbacks.wat").read_text())
    # f: entry 2, const, get, call 3; then const, add 2. g: entry 2, const, drop, const, get, div 8, const, add: 14 + 2 = 16.
    assert line(wasm, "f", 4, 1000) == "f 4 1000 returned 25 29"
    # The trap in g gives back const and add, and -1 + 1 = 0.
    assert line(wasm, "f", 0, 1000) == "f 0 1000 returned 23 0"
