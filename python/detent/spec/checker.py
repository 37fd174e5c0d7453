"""Type checking of one body, by the algorithm of the WebAssembly specification's appendix.

Besides judging, it records what later stages need and only types can tell: the height of the operand stack after each operator,
which operators open and close each construct, and where branches lead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .context import Context
from .errors import InvalidModule
from .module import Function, FunctionType, Operator, ValueType
from .operators import ACCESSES, SIGNATURES

I32 = ValueType.I32
Unknown = None
"""An operand of code that cannot be reached: of any type."""


@dataclass(slots=True, eq=False)
class Construct:
    """A `block`, `loop`, `if`, or the function itself. Positions are indexes of operators in the body."""

    kind: str
    type: FunctionType
    start: int
    """The operator that opens it; -1 for the function."""
    height: int
    """Operands below its parameters."""
    middle: int | None = None
    """Its `else`."""
    end: int = -1
    """Its `end`."""

    @property
    def arity(self) -> int:
        """Operands that a branch to it carries."""
        return len(self.type.params if self.kind == "loop" else self.type.results)

    @property
    def continuation(self) -> int:
        """Where a branch to it goes on; one past the last operator for the function."""
        return self.start + 1 if self.kind == "loop" else self.end + 1


@dataclass(slots=True)
class Shape:
    """A validated body. `heights[i]` holds after operator i, and only where code can be reached."""

    function: Function
    type: FunctionType
    heights: list[int] = field(default_factory=list)
    constructs: dict[int, Construct] = field(default_factory=dict)
    """By each operator that opens, halves or closes the construct."""
    targets: dict[int, tuple[Construct, ...]] = field(default_factory=dict)
    """Of `br`, `br_if`, `br_table` (default last) and `return`."""


@dataclass(slots=True)
class _Frame:
    construct: Construct
    base: int
    unreachable: bool = False


def shape_of(function: Function, context: Context) -> Shape:
    """Checks a body. Raises `InvalidModule`."""
    return _Checker(function, context).check()


class _Checker:
    def __init__(self, function: Function, context: Context) -> None:
        self.context = context
        self.shape = Shape(function, context.module.types[function.type])
        self.locals = self.shape.type.params + function.locals
        self.operands: list[ValueType | None] = []
        self.frames: list[_Frame] = []
        self.offset = function.offset
        self.position = -1

    def check(self) -> Shape:
        shape = self.shape
        self.open("function", FunctionType((), shape.type.results))
        for self.position, operator in enumerate(shape.function.body):
            self.offset = operator.offset
            signature = SIGNATURES.get(operator.name)
            if signature is not None:
                self.access(operator)
                self.pop_all(signature[0])
                self.operands += signature[1]
            else:
                RULES[operator.name](self, *operator.immediates)
            shape.heights.append(len(self.operands))
        return shape

    def invalid(self, what: str) -> InvalidModule:
        return InvalidModule(self.offset, what)

    def require(self, kind: str, index: int, count: int) -> None:
        if index >= count:
            raise self.invalid(f"unknown {kind} {index}")

    def access(self, operator: Operator) -> None:
        """What operators with a plain signature demand of their immediates."""
        name, immediates = operator.name, operator.immediates
        context = self.context
        if name in ACCESSES:
            self.require("memory", 0, len(context.memories))
            if 1 << immediates[0] > ACCESSES[name][1]:
                raise self.invalid("alignment must not be larger than natural")
        elif name.startswith("memory."):
            self.require("memory", 0, len(context.memories))
        if name in ("memory.init", "data.drop"):
            self.require("data segment", immediates[0], context.data_segments)
        elif name in ("table.init", "elem.drop"):
            self.require("elem segment", immediates[0], len(context.element_types))
        if name == "table.init":
            self.require("table", immediates[1], len(context.tables))
            if context.tables[immediates[1]].element != context.element_types[immediates[0]]:
                raise self.invalid("type mismatch of table and element segment")
        elif name in ("table.copy", "table.size"):
            for index in immediates:
                self.require("table", index, len(context.tables))
            if len({context.tables[index].element for index in immediates}) > 1:
                raise self.invalid("type mismatch of tables")

    # Operands.

    def pop(self) -> ValueType | None:
        frame = self.frames[-1]
        if len(self.operands) == frame.base:
            if frame.unreachable:
                return Unknown
            raise self.invalid("type mismatch: operand expected")
        return self.operands.pop()

    def expect(self, wanted: ValueType) -> ValueType | None:
        found = self.pop()
        if found is not Unknown and found != wanted:
            raise self.invalid(f"type mismatch: {wanted.name.lower()} expected, {found.name.lower()} found")
        return found

    def pop_all(self, types: tuple[ValueType, ...]) -> None:
        for type_ in reversed(types):
            self.expect(type_)

    # Constructs.

    def open(self, kind: str, type_: FunctionType) -> None:
        construct = Construct(kind, type_, self.position, len(self.operands))
        self.shape.constructs[self.position] = construct
        self.frames.append(_Frame(construct, len(self.operands)))
        self.operands += type_.params

    def close(self) -> Construct:
        frame = self.frames[-1]
        self.pop_all(frame.construct.type.results)
        if len(self.operands) != frame.base:
            raise self.invalid("type mismatch: operands left over")
        self.shape.constructs[self.position] = frame.construct
        return frame.construct

    def block_type(self, code: int) -> FunctionType:
        if code >= 0:
            self.require("type", code, len(self.context.module.types))
        return self.context.module.block_type(code)

    def construct(self, kind: str, code: int) -> None:
        type_ = self.block_type(code)
        if kind == "if":
            self.expect(I32)
        self.pop_all(type_.params)
        self.open(kind, type_)

    def else_(self) -> None:
        construct = self.close()
        construct.middle = self.position
        self.frames[-1].unreachable = False
        self.operands += construct.type.params

    def end(self) -> None:
        construct = self.close()
        construct.end = self.position
        if construct.kind == "if" and construct.middle is None and construct.type.params != construct.type.results:
            raise self.invalid("type mismatch: if without else must give its parameters")
        self.frames.pop()
        self.operands += construct.type.results

    def dead(self) -> None:
        frame = self.frames[-1]
        del self.operands[frame.base :]
        frame.unreachable = True

    # Branches.

    def label(self, depth: int) -> tuple[Construct, tuple[ValueType, ...]]:
        self.require("label", depth, len(self.frames))
        construct = self.frames[-1 - depth].construct
        return construct, construct.type.params if construct.kind == "loop" else construct.type.results

    def br(self, depth: int) -> None:
        construct, types = self.label(depth)
        self.shape.targets[self.position] = (construct,)
        self.pop_all(types)
        self.dead()

    def br_if(self, depth: int) -> None:
        construct, types = self.label(depth)
        self.shape.targets[self.position] = (construct,)
        self.expect(I32)
        self.pop_all(types)
        self.operands += types

    def br_table(self, *depths: int) -> None:
        self.expect(I32)
        constructs = []
        arity = len(self.label(depths[-1])[1])
        for depth in depths:
            construct, types = self.label(depth)
            if len(types) != arity:
                raise self.invalid("type mismatch of br_table targets")
            found = [self.expect(type_) for type_ in reversed(types)]
            self.operands += reversed(found)
            constructs.append(construct)
        self.shape.targets[self.position] = tuple(constructs)
        self.dead()

    def return_(self) -> None:
        construct = self.frames[0].construct
        self.shape.targets[self.position] = (construct,)
        self.pop_all(construct.type.results)
        self.dead()

    # Calls, variables, the rest.

    def apply(self, type_: FunctionType) -> None:
        self.pop_all(type_.params)
        self.operands += type_.results

    def call(self, index: int) -> None:
        self.require("function", index, len(self.context.functions))
        self.apply(self.context.functions[index])

    def call_indirect(self, type_index: int, table: int) -> None:
        if self.table(table) != ValueType.FUNCREF:
            raise self.invalid("type mismatch: call_indirect needs a table of functions")
        self.require("type", type_index, len(self.context.module.types))
        self.expect(I32)
        self.apply(self.context.module.types[type_index])

    def select(self, count: int | None = None, *declared: int) -> None:
        self.expect(I32)
        if count is not None:
            if count != 1:
                raise self.invalid("invalid result arity")
            type_ = ValueType(declared[0])
            self.pop_all((type_, type_))
            self.operands.append(type_)
            return
        first, second = self.pop(), self.pop()
        for operand in (first, second):
            if operand is not Unknown and operand.is_reference:
                raise self.invalid("type mismatch: select of references needs a type")
        if first is not Unknown and second is not Unknown and first != second:
            raise self.invalid("type mismatch of select")
        self.operands.append(second if first is Unknown else first)

    def local(self, index: int) -> ValueType:
        self.require("local", index, len(self.locals))
        return self.locals[index]

    def local_tee(self, index: int) -> None:
        self.expect(self.local(index))
        self.operands.append(self.local(index))

    def global_(self, index: int, *, write: bool) -> ValueType:
        self.require("global", index, len(self.context.globals))
        if write and not self.context.globals[index].mutable:
            raise self.invalid("global is immutable")
        return self.context.globals[index].value

    def table(self, index: int) -> ValueType:
        self.require("table", index, len(self.context.tables))
        return self.context.tables[index].element

    def ref_is_null(self) -> None:
        operand = self.pop()
        if operand is not Unknown and not operand.is_reference:
            raise self.invalid("type mismatch: reference expected")
        self.operands.append(I32)

    def ref_func(self, index: int) -> None:
        self.require("function", index, len(self.context.functions))
        if index not in self.context.referable:
            raise self.invalid("undeclared function reference")
        self.operands.append(ValueType.FUNCREF)

    def table_operands(self, index: int, *types: ValueType | str, result: ValueType | None = None) -> None:
        element = self.table(index)
        for type_ in reversed(types):
            self.expect(element if isinstance(type_, str) else type_)
        if result is not None:
            self.operands.append(result)


def _empty(_: _Checker) -> None:
    return


def _drop(checker: _Checker) -> None:
    checker.pop()


def _set(checker: _Checker, type_: ValueType) -> None:
    checker.expect(type_)


RULES: dict[str, Callable[..., None]] = {
    "nop": _empty,
    "unreachable": _Checker.dead,
    "block": lambda c, code: c.construct("block", code),
    "loop": lambda c, code: c.construct("loop", code),
    "if": lambda c, code: c.construct("if", code),
    "else": _Checker.else_,
    "end": _Checker.end,
    "br": _Checker.br,
    "br_if": _Checker.br_if,
    "br_table": _Checker.br_table,
    "return": _Checker.return_,
    "call": _Checker.call,
    "call_indirect": _Checker.call_indirect,
    "drop": _drop,
    "select": _Checker.select,
    "local.get": lambda c, index: c.operands.append(c.local(index)),
    "local.set": lambda c, index: _set(c, c.local(index)),
    "local.tee": _Checker.local_tee,
    "global.get": lambda c, index: c.operands.append(c.global_(index, write=False)),
    "global.set": lambda c, index: _set(c, c.global_(index, write=True)),
    "ref.null": lambda c, type_: c.operands.append(ValueType(type_)),
    "ref.is_null": _Checker.ref_is_null,
    "ref.func": _Checker.ref_func,
    "table.get": lambda c, index: (c.expect(I32), c.operands.append(c.table(index)))[1],
    "table.set": lambda c, index: c.table_operands(index, I32, "element"),
    "table.grow": lambda c, index: c.table_operands(index, "element", I32, result=I32),
    "table.fill": lambda c, index: c.table_operands(index, I32, "element", I32),
}
"""Of every operator without an entry in `SIGNATURES`."""
