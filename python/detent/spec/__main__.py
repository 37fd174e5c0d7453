"""`python -m detent.spec run FILE --entry NAME --fuel N [--args N ...] [--json]`: the specification's verdict on one binary module."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .ends import Ended
from .errors import SpecError
from .run import executed_cost, run
from .schedule import Schedule


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 however the execution ended, 2 if there was nothing to execute."""
    options = _parser().parse_args(arguments)
    try:
        schedule = Schedule.load(options.schedule) if options.schedule else None
        ended = (executed_cost if options.by_operator else run)(
            Path(options.file).read_bytes(),
            options.entry,
            options.args,
            fuel=options.fuel,
            rest=options.rest,
            pages=options.pages,
            instance_charge=not options.no_instance_charge,
            schedule=schedule,
        )
    except (SpecError, OSError, ValueError) as error:
        code = f"{error.code} " if isinstance(error, SpecError) else ""
        sys.stderr.write(f"{code}{error}\n")
        return 2
    sys.stdout.write((as_json(ended) if options.json else as_text(ended)) + "\n")
    return 0


def as_json(ended: Ended) -> str:
    """One line; `results` as unsigned bits."""
    return json.dumps(
        {
            "end": ended.end.value,
            "used": ended.used,
            "results": list(ended.results),
            "frames": [asdict(frame) for frame in ended.frames],
            "detail": ended.detail,
        }
    )


def as_text(ended: Ended) -> str:
    """For people."""
    lines = [f"{ended.end.value}, {ended.used} fuel used"]
    if ended.results:
        lines.append("results " + " ".join(map(str, ended.results)))
    if ended.detail:
        lines.append(ended.detail)
    for frame in ended.frames:
        lines.append(f"  in function {frame.function} at {frame.operator} (byte {frame.offset}), {frame.refund} fuel given back")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m detent.spec", description="The executable specification of the deterministic form.")
    runner = parser.add_subparsers(required=True, metavar="run").add_parser("run", help="run an export of a binary module; imports trap")
    runner.add_argument("file", help="a binary core module")
    runner.add_argument("--args", nargs="+", default=[], metavar="N", type=lambda text: int(text, 0), help="integers, or bits of floats")
    runner.add_argument("--entry", required=True, help="the export")
    runner.add_argument("--fuel", required=True, type=int, help="the gas limit, in fuel")
    runner.add_argument("--rest", type=int, help="stack budget in bytes")
    runner.add_argument("--pages", type=int, help="allowance of pages, the initial ones included")
    runner.add_argument("--schedule", help="another schedule.toml")
    runner.add_argument("--no-instance-charge", action="store_true", help="without the charge of section 4")
    runner.add_argument("--by-operator", action="store_true", help="charge each operator as it executes instead of whole blocks")
    runner.add_argument("--json", action="store_true", help="one line of JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
