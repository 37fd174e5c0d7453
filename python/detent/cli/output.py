"""What commands print: tables for people, one JSON object for programs, errors on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from detent.errors import DetentError

EXIT_NO = 1
EXIT_ERROR = 3

# rich obeys NO_COLOR and prints no colours into a pipe
console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """JSON-ready: bytes become 0x text."""
    if isinstance(value, (bytes, bytearray)):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    address = getattr(value, "address", None)
    return plain(address) if isinstance(address, bytes) else value


def emit(data: Mapping[str, Any], *, as_json: bool, title: str | None = None) -> None:
    """Prints a record."""
    if as_json:
        print(json.dumps(plain(dict(data)), default=str))
        return
    table = Table(show_header=False, box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for key, value in data.items():
        shown = plain(value)
        table.add_row(key, json.dumps(shown) if isinstance(shown, (list, dict)) else "" if shown is None else str(shown))
    console.print(table)


def rows(title: str, header: Iterable[str], lines: Iterable[Iterable[Any]], *, numbers: bool = True) -> None:
    """Prints a table; ``numbers`` aligns all columns but the first to the right."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if numbers and index else "left", overflow="fold")
    for line in lines:
        table.add_row(*(str(cell) for cell in line))
    console.print(table)


def fail(problem: DetentError, *, as_json: bool) -> NoReturn:
    """Prints an error of the catalogue and leaves with code 3."""
    if as_json:
        print(json.dumps({"error": problem.to_dict()}))
    else:
        place = f" [dim]({problem.at})[/dim]" if problem.at else ""
        errors.print(f"[red]{problem.code} {problem.name}[/red]: ", end="")
        errors.print(problem.detail, markup=False, end="")
        errors.print(place)
        errors.print(f"  try: {problem.cure}", markup=False)
    sys.exit(EXIT_ERROR)
