"""The interpreter: activations and host entries on one gas cell. Operators themselves are in `instructions` and `numeric`.

Calls between WebAssembly functions, and callbacks of hosts, are entries of lists here and never nest calls of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from .ends import OutOfGas, Standing, Stopped, Trap, TrapKind
from .errors import BrokenInvariant
from .host import Action, CallBack, Exhaust, Fail, Host, Return, Returned, Stop, Trapped
from .instance import Instance, bits
from .module import FunctionType
from .program import Code, Program

Continuation = Callable[[Returned | Trapped], Action]


@dataclass(slots=True, eq=False)
class Activation:
    """A live call of a defined function. `position` is the operator it stands at; `rest` is section 5's."""

    code: Code
    locals: list[int]
    rest: int
    position: int = 0
    stack: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class HostEntry:
    """One call of an export by the host, and the activations from `base` on. `then` is None for the outermost."""

    base: int
    then: Continuation | None


class Machine:
    """Executes host entries of one frame, one after the other."""

    def __init__(self, program: Program, instance: Instance, host: Host, gas: int, pages: int) -> None:
        self.program = program
        self.instance = instance
        self.host = host
        self.gas = gas
        self.pages = pages
        self.activations: list[Activation] = []
        self.current: Activation | None = None
        self.entries: list[HostEntry] = []
        self.results: tuple[int, ...] = ()
        self.frames: tuple[Standing, ...] = ()

    def charge(self, amount: int) -> None:
        """Takes fuel. Raises `OutOfGas`: section 3's only decision of it."""
        self.gas -= amount
        if self.gas < 0:
            raise OutOfGas

    def enter(self, function: int, args: Sequence[int], rest: int) -> tuple[int, ...]:
        """Runs an outermost host entry to its end. Raises `Trap` (with `frames` set and refunds taken), `OutOfGas`, `Stopped`."""
        work = partial(self.open, function, args, rest, None)
        while True:
            try:
                work()
                self.loop()
                return self.results
            except Trap as trap:
                then = self.unwind()
                if then is None:
                    raise
                work = partial(self.resume, then, Trapped(trap.kind, trap.detail))

    def loop(self) -> None:
        """Executes operators until no host entry is open."""
        while (activation := self.current) is not None:
            taken, steps = activation.code.taken, activation.code.steps
            while True:
                position = activation.position
                cost = taken[position]
                if cost:
                    self.charge(cost)
                target = steps[position](self, activation)
                if self.current is not activation:
                    break
                activation.position = position + 1 if target is None else target

    # Calls inside the module.

    def call(self, caller: Activation, function: int) -> None:
        """A direct or indirect call: of an import, or of a defined function."""
        type_ = self.program.types[function]
        split = len(caller.stack) - len(type_.params)
        args = caller.stack[split:]
        del caller.stack[split:]
        rest = caller.rest - caller.code.plan.frame
        imports = self.program.imports
        if function < len(imports):
            self.perform(self.host.call(imports[function], tuple(args), HostView(self, rest)))
        else:
            self.activate(self.program.codes[function - len(imports)], args, rest, from_host=False)

    def activate(self, code: Code, args: list[int], rest: int, *, from_host: bool) -> None:
        """Enters a defined function: the stack check of section 5; its first block is charged on arrival at it."""
        if (from_host or code.plan.counted) and rest < code.plan.needed:
            raise Trap(TrapKind.STACK_OVERFLOW, f"function {code.index} needs {code.plan.needed} bytes of {rest}")
        self.current = Activation(code, args + code.zeros, rest)
        self.activations.append(self.current)

    def leave(self, activation: Activation) -> None:
        """Returns from a function to its caller, or to the host."""
        count = len(activation.code.type.results)
        values = activation.stack[len(activation.stack) - count :]
        self.activations.pop()
        self.current = self.activations[-1] if self.activations else None
        entry = self.entries[-1]
        if self.current is not None and len(self.activations) > entry.base:
            self.current.stack += values
            self.current.position += 1
            return
        self.entries.pop()
        if entry.then is None:
            self.results = tuple(values)
        else:
            self.perform(entry.then(Returned(tuple(values))))

    # Host entries.

    def open(self, function: int, args: Sequence[int], rest: int, then: Continuation | None) -> None:
        """Opens a host entry of an export."""
        code = self.program.code(function)
        self.entries.append(HostEntry(len(self.activations), then))
        if rest < 0:
            raise Trap(TrapKind.STACK_OVERFLOW, "nothing is left for a nested call")
        self.activate(code, [bits(param, arg) for param, arg in zip(code.type.params, args, strict=True)], rest, from_host=True)

    def resume(self, then: Continuation, outcome: Trapped) -> None:
        """Hands the trap of a callback to the host function that made it."""
        self.perform(then(outcome))

    def perform(self, action: Action) -> None:
        """Does what a host function answered, for the activation that stands at the call."""
        caller = self.current
        if caller is None:
            raise BrokenInvariant("a host function answered without a caller")
        match action:
            case Return(values):
                type_ = self.called_type(caller)
                if len(values) != len(type_.results):
                    raise TypeError(f"the host function has {len(type_.results)} results, the host gave {len(values)}")
                caller.stack += [bits(result, value) for result, value in zip(type_.results, values, strict=True)]
                caller.position += 1
            case Stop(detail):
                raise Stopped(detail)
            case Fail(detail, kind):
                raise Trap(kind, detail)
            case Exhaust():
                self.gas = -1
                raise OutOfGas
            case CallBack(export, args, then):
                rest = caller.rest - caller.code.plan.frame - self.program.schedule.stack.nested_call
                self.open(self.program.entry(export, len(args)), args, rest, then)

    def called_type(self, caller: Activation) -> FunctionType:
        """The type of the call at which an activation stands."""
        name, immediates, _ = caller.code.shape.function.body[caller.position]
        return (self.program.module.types if name == "call_indirect" else self.program.types)[immediates[0]]

    def unwind(self) -> Continuation | None:
        """Ends the innermost host entry by a trap: refunds of section 3 to its live activations."""
        entry = self.entries.pop()
        ended = self.activations[entry.base :]
        del self.activations[entry.base :]
        self.current = self.activations[-1] if self.activations else None
        self.frames = tuple(standing(activation) for activation in reversed(ended))
        self.gas += sum(frame.refund for frame in self.frames)
        return entry.then


def standing(activation: Activation) -> Standing:
    """Where a live activation stands."""
    code = activation.code
    operator = code.shape.function.body[activation.position]
    return Standing(code.index, operator.name, operator.offset, code.refunded[activation.position])


class HostView:
    """`host.View` of a machine at one call."""

    __slots__ = ("_machine", "_rest")

    def __init__(self, machine: Machine, rest: int) -> None:
        self._machine = machine
        self._rest = rest

    @property
    def memory(self) -> bytearray:
        """The linear memory."""
        return self._machine.instance.linear_memory.content

    @property
    def fuel(self) -> int:
        """Gas left."""
        return self._machine.gas

    @property
    def rest(self) -> int:
        """Logical stack left."""
        return self._rest

    @property
    def pages(self) -> int:
        """Pages left."""
        return self._machine.pages

    def charge(self, amount: int) -> None:
        """Takes fuel."""
        if amount < 0:
            raise ValueError("a charge is not negative")
        self._machine.charge(amount)

    def read(self, address: int, length: int) -> bytes:
        """Reads memory."""
        memory = self._machine.instance.linear_memory
        return bytes(memory.content[memory.range(address, length)])

    def write(self, address: int, content: bytes) -> None:
        """Writes memory."""
        memory = self._machine.instance.linear_memory
        memory.content[memory.range(address, len(content))] = content
