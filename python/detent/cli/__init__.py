"""The ``detent`` command.

Exit codes: 0 done; 1 the answer is no (refused, reverted, halted, unequal); 2 usage; 3 an error of the catalogue.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``detent`` script."""
    try:
        from detent.cli.app import run_app  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as missing:
        if missing.name not in {"typer", "rich"}:
            raise
        print(f"detent: the command line needs {missing.name}: pip install 'detent[cli]'", file=sys.stderr)
        raise SystemExit(3) from None
    run_app()
