"""The executable specification: what the deterministic form must do, operator by operator, in plain Python.

`docs/metering.md` is the text, the schedule has the numbers, and this package is their reading: it decodes an *original* module,
divides it into blocks, and interprets it with the charges, refunds, stack checks and limits of that page. It rewrites nothing, shares no
code with the Rust core, imports nothing compiled, and needs only the standard library. Where the core and this package differ, one of
them is wrong by the page.

    from detent.spec import run
    ended = run(wasm, "main", [7], fuel=1_000_000)
    ended.end, ended.used, ended.results        # End.RETURNED, 1057, (21,)

A way through: `binary` decodes into a `module`; `validation` and `checker` judge it; `reachability`, `blocks` and `stack` are
sections 2 and 5; `prepare` puts them together into a `program`; `interpreter`, with `instructions`, `bulk`, `numeric` and
`instance`, executes it for a `host`; `run` is one frame; `accounting` is a second way to count the same gas.
"""

from .ends import End, Ended, OutOfGas, Standing, Trap, TrapKind
from .errors import BrokenInvariant, EntryUnknown, InvalidModule, MalformedModule, NotAdmitted, ScheduleError, SpecError
from .host import Action, CallBack, Exhaust, Fail, Host, NoHost, Return, Returned, Stop, Trapped, View
from .prepare import prepare
from .program import Program
from .run import executed_cost, run, run_program
from .schedule import Schedule

__all__ = [
    "Action",
    "BrokenInvariant",
    "CallBack",
    "End",
    "Ended",
    "EntryUnknown",
    "Exhaust",
    "Fail",
    "Host",
    "InvalidModule",
    "MalformedModule",
    "NoHost",
    "NotAdmitted",
    "OutOfGas",
    "Program",
    "Return",
    "Returned",
    "Schedule",
    "ScheduleError",
    "SpecError",
    "Standing",
    "Stop",
    "Trap",
    "TrapKind",
    "Trapped",
    "View",
    "executed_cost",
    "prepare",
    "run",
    "run_program",
]
