"""One frame from beginning to end: sections 3 and 4."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .ends import End, Ended, OutOfGas, Standing, Stopped, Trap
from .host import Host, NoHost
from .instance import Instance
from .instance import instance_charge as charge_of
from .interpreter import Machine
from .module import FunctionType
from .prepare import prepare
from .program import Program
from .schedule import Schedule

MAX_FUEL = 2**63 - 1


def run(
    wasm: bytes,
    entry: str,
    args: Sequence[int] = (),
    *,
    fuel: int,
    rest: int | None = None,
    pages: int | None = None,
    host: Host | None = None,
    instance_charge: bool = True,
    initialize: bool = True,
    schedule: Schedule | None = None,
    reentering: Collection[tuple[str, str]] | None = None,
) -> Ended:
    """Runs an export of a fresh instance on a limit of `fuel`.

    `args` are integers or the bits of floats. `rest` is the stack budget in bytes (default `limits.stack_bytes`), `pages` the
    transaction's allowance of which the initial pages are taken too (default `limits.live_pages`). `instance_charge=False` leaves out
    section 4's charge, `initialize=False` the start function and `_initialize`. `reentering` are the (module, name) of imports that may
    enter exports, default those of `host.toml`.

    Raises `MalformedModule`, `InvalidModule`, `NotAdmitted`, `EntryUnknown`, and `ValueError` for a limit outside 0 to 2^63 - 1. How the
    execution ends is a value, never an exception.
    """
    program = prepare(wasm, schedule, reentering)
    return run_program(
        program,
        entry,
        args,
        fuel=fuel,
        rest=rest,
        pages=pages,
        host=host,
        instance_charge=instance_charge,
        initialize=initialize,
    )


def executed_cost(
    wasm: bytes,
    entry: str,
    args: Sequence[int] = (),
    *,
    fuel: int = MAX_FUEL,
    rest: int | None = None,
    pages: int | None = None,
    host: Host | None = None,
    instance_charge: bool = True,
    initialize: bool = True,
    schedule: Schedule | None = None,
    reentering: Collection[tuple[str, str]] | None = None,
) -> Ended:
    """As `run`, but each operator is charged when it executes, alone (`accounting`): no blocks, no refunds.

    `used` is the same as that of `run` for every end but out of gas; if this one is out of gas, so is `run` on the same limit.
    """
    program = prepare(wasm, schedule, reentering, by_operator=True)
    return run_program(
        program,
        entry,
        args,
        fuel=fuel,
        rest=rest,
        pages=pages,
        host=host,
        instance_charge=instance_charge,
        initialize=initialize,
    )


def run_program(
    program: Program,
    entry: str,
    args: Sequence[int] = (),
    *,
    fuel: int,
    rest: int | None = None,
    pages: int | None = None,
    host: Host | None = None,
    instance_charge: bool = True,
    initialize: bool = True,
) -> Ended:
    """`run` for a module that is prepared once and run often."""
    limits = program.schedule.limits
    function = program.entry(entry, len(args))
    program.code(function)
    budget = limits.stack_bytes if rest is None else rest
    allowance = limits.live_pages if pages is None else pages
    for name, value in (("fuel", fuel), ("rest", budget), ("pages", allowance)):
        if not 0 <= value <= MAX_FUEL:
            raise ValueError(f"{name} is not from 0 to 2^63 - 1: {value}")

    charge = charge_of(program.module, program.schedule) if instance_charge else 0
    if charge > fuel:
        return Ended(End.OUT_OF_GAS, fuel, detail="the instance charge exceeds the limit")
    initial = sum(memory.minimum for memory in program.module.memories)
    if initial > allowance:
        return Ended(End.OUT_OF_MEMORY, charge, detail=f"{initial} initial pages exceed the allowance of {allowance}")

    instance = Instance(program.module, limits)
    machine = Machine(program, instance, host or NoHost(), fuel - charge, allowance - initial)

    def ended(end: End, detail: str = "", results: tuple[int, ...] = (), frames: tuple[Standing, ...] = ()) -> Ended:
        used = fuel if end is End.OUT_OF_GAS else fuel - machine.gas
        return Ended(end, used, results, frames, detail, instance)

    try:
        instance.apply_segments(program.module)
        if initialize:
            for initial_function in initial_functions(program):
                machine.enter(initial_function, (), budget)
        return ended(End.RETURNED, results=machine.enter(function, args, budget))
    except Trap as trap:
        return ended(trap.kind.end, trap.detail, frames=machine.frames)
    except OutOfGas:
        return ended(End.OUT_OF_GAS)
    except Stopped as stopped:
        return ended(End.STOPPED, stopped.detail)


def initial_functions(program: Program) -> list[int]:
    """What runs before the entry: the start function, then `_initialize` if it is exported with type () -> ()."""
    found = [] if program.module.start is None else [program.module.start]
    exported = program.exports.get("_initialize")
    if exported is not None and program.types[exported] == FunctionType((), ()):
        found.append(exported)
    return found
