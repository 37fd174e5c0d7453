"""Random structured modules: every control operator, bulk operators, growth, calls of all kinds, traps of all kinds, dead code.

A module has an import `h: (i32) -> i32`, three functions of type (i32) -> (i32) that call each other, a table of them with a hole and a
function of another type, a memory, a global. Nothing bounds its loops or recursion but the fuel.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

PURE = ["add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "rotl", "eq", "lt_s", "ge_u"]
TRAPPING = ["div_s", "div_u", "rem_s", "rem_u"]
VALUES = [
    "const",
    "local",
    "binary",
    "binary",
    "trapping",
    "if",
    "block",
    "loop",
    "call",
    "call",
    "indirect",
    "host",
    "host",
    "host",
    "host",
    "load",
    "grow",
    "global",
    "select",
    "tee",
    "float",
]
STATEMENTS = [
    "nop",
    "set",
    "set",
    "drop",
    "block",
    "block",
    "loop",
    "loop",
    "if",
    "ifelse",
    "branch_if",
    "branch_if",
    "jump",
    "table",
    "return",
    "unreachable",
    "store",
    "fill",
    "copy",
    "init",
    "data_drop",
    "table_copy",
    "table_init",
    "elem_drop",
    "global",
    "multi",
]
BULK = {
    "fill": "memory.fill",
    "copy": "memory.copy",
    "init": "memory.init $d",
    "table_copy": "table.copy",
    "table_init": "table.init $e",
}
EDGES = st.sampled_from([0, 0, 1, 1, 2, 3, 5, 8, 100, 65532, 65536, 2**31 - 1, -(2**31), -1])
LOCALS = st.integers(0, 2)


class Writer:
    """Draws text; `labels` are the result counts that branches to the enclosing constructs carry, innermost last."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw
        self.labels: list[int] = []

    def pick(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def statements(self, depth: int) -> str:
        return " ".join(self.statement(depth) for _ in range(self.draw(st.integers(0, 3))))

    def inside(self, arity: int, depth: int, *, gives: bool = False) -> str:
        """The body of a construct whose label carries `arity` values: statements, then a value if it gives one."""
        self.labels.append(arity)
        text = self.statements(depth)
        if gives:
            text += " " + self.value(depth)
        self.labels.pop()
        return text

    def value(self, depth: int) -> str:
        """Operators that push one i32."""
        kind = self.pick(*(VALUES if depth > 0 else ("const", "local", "local")))
        below = depth - 1
        if kind == "const":
            return f"i32.const {self.draw(EDGES)}"
        if kind == "local":
            return f"local.get {self.draw(LOCALS)}"
        if kind == "global":
            return "global.get 0"
        if kind in ("binary", "trapping"):
            operator = self.draw(st.sampled_from(PURE if kind == "binary" else TRAPPING))
            return f"{self.value(below)} {self.value(below)} i32.{operator}"
        if kind == "select":
            return f"{self.value(below)} {self.value(below)} {self.value(below)} select"
        if kind == "tee":
            return f"{self.value(below)} local.tee {self.draw(LOCALS)}"
        if kind == "float":
            operator = self.pick("add", "div", "min", "copysign")
            bits = f"{self.value(below)} i64.extend_i32_s f64.reinterpret_i64"
            return f"{self.value(below)} f64.convert_i32_s {bits} f64.{operator} i32.trunc_f64_s"
        if kind == "load":
            return f"{self.value(below)} i32.load offset={self.pick('0', '4', '65535')}"
        if kind == "grow":
            return f"{self.value(below)} memory.grow"
        if kind == "call":
            return f"{self.value(below)} call $f{self.draw(st.integers(0, 2))}"
        if kind == "host":
            return f"{self.value(below)} call $h"
        if kind == "indirect":
            return f"{self.value(below)} {self.value(below)} i32.const 7 i32.and call_indirect (type $t)"
        if kind == "if":
            then, otherwise = self.inside(1, below, gives=True), self.inside(1, below, gives=True)
            return f"{self.value(below)} if (result i32) {then} else {otherwise} end"
        if kind == "loop":
            return f"loop (result i32) {self.inside(0, below, gives=True)} end"
        return f"block (result i32) {self.inside(1, below, gives=True)} end"

    def statement(self, depth: int) -> str:
        """Operators that leave the height as it was."""
        kind = self.pick(*(STATEMENTS if depth > 0 else ("nop", "set", "drop")))
        below = depth - 1
        simple = {
            "nop": "nop",
            "data_drop": "data.drop $d",
            "elem_drop": "elem.drop $e",
        }
        if kind in simple:
            return simple[kind]
        if kind == "set":
            return f"{self.value(below)} local.set {self.draw(LOCALS)}"
        if kind == "global":
            return f"{self.value(below)} global.set 0"
        if kind == "drop":
            return f"{self.value(below)} drop"
        if kind == "store":
            return f"{self.value(below)} {self.value(below)} i32.store offset={self.pick('0', '65535')}"
        if kind in BULK:
            return f"{self.value(below)} {self.value(below)} {self.value(below)} {BULK[kind]}"
        if kind in ("block", "loop"):
            return f"{kind} {self.inside(0, below)} end"
        if kind == "if":
            return f"{self.value(below)} if {self.inside(0, below)} end"
        if kind == "ifelse":
            return f"{self.value(below)} if {self.inside(0, below)} else {self.inside(0, below)} end"
        if kind == "multi":
            inside = self.inside(2, below)
            return f"i64.const 1 i32.const 2 block (param i64 i32) (result i64 i32) {inside} i32.eqz end drop drop"
        return self.branch(kind, below)

    def branch(self, kind: str, below: int) -> str:
        """A branch to any enclosing construct or the function, with what it carries; then it leaves nothing, dead code included."""
        if kind == "branch_if":
            plain, single = self.targets(0), self.targets(1)
            if plain and self.draw(st.booleans()):
                return f"{self.value(below)} br_if {self.draw(st.sampled_from(plain))}"
            return f"{self.value(below)} {self.value(below)} br_if {self.draw(st.sampled_from(single))} drop"
        condition = self.value(below)
        self.labels.append(0)
        jump = self.jump(kind, below)
        dead = self.statements(below)
        self.labels.pop()
        return f"{condition} if {jump} {dead} end"

    def targets(self, arity: int) -> list[int]:
        """Depths of the labels that carry so many values; the function's carries one."""
        return [depth for depth, carried in enumerate([*reversed(self.labels), 1]) if carried == arity]

    def jump(self, kind: str, below: int) -> str:
        """What never falls through."""
        if kind == "unreachable":
            return "unreachable"
        if kind == "return":
            return f"{self.value(below)} return"
        arity = self.draw(st.integers(0, 1))
        targets = st.sampled_from(self.targets(arity))
        carried = self.value(below) if arity else ""
        if kind == "jump":
            return f"{carried} br {self.draw(targets)}"
        depths = " ".join(map(str, self.draw(st.lists(targets, min_size=1, max_size=4))))
        return f"{carried} {self.value(below)} br_table {depths}"


@st.composite
def modules(draw: DrawFn) -> str:
    """The text of a module."""
    functions = []
    for index in range(3):
        writer = Writer(draw)
        depth = draw(st.integers(1, 4))
        locals_ = "(local i32 i32)"
        body = f"{writer.statements(depth)} {writer.value(depth)}"
        functions.append(f'(func $f{index} (export "f{index}") (type $t) {locals_} {body})')
    return f"""(module
        (type $t (func (param i32) (result i32)))
        (import "env" "h" (func $h (type $t)))
        (memory 1 3) (data $d "detent") (data (i32.const 0) "\\01\\00\\02")
        (table 6 funcref) (elem (i32.const 0) $f0 $f1 $f2 $h $other) (elem $e func $f1 $f0)
        (global (mut i32) (i32.const 3))
        (func $other)
        {" ".join(functions)})"""
