"""Where in a manifest something is wrong: a dotted place, and the line it is on as far as that can be told.

``tomllib`` gives values without lines, so the lines are found by a look at the text: table headers, keys, and the ``name`` of
entries in arrays of tables. A place without a line of its own has that of the nearest place around it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from detent.errors import ToolchainError

_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")
_NAMED = re.compile(r"""[{,]\s*name\s*=\s*["']([^"']*)["']""")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong: the dotted place in the manifest, the line if known, what."""

    place: str
    line: int | None
    message: str

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line is not None else ""
        return f"{line}{self.place}: {self.message}"


class ManifestError(ToolchainError):
    """D702 with everything that is wrong at once."""

    def __init__(self, problems: Iterable[Problem], at: str | None = None) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("manifest_invalid", "\n  ".join((count, *map(str, self.problems))), at)

    def __reduce__(self) -> tuple[type[ManifestError], tuple[tuple[Problem, ...], str | None]]:  # type: ignore[override]
        return (type(self), (self.problems, self.at))


class Places:
    """Collects problems, each with its line."""

    def __init__(self, text: str) -> None:
        self._lines = _lines(text)
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def report(self, place: str, message: str) -> None:
        """Something wrong."""
        self.problems.append(self._problem(place, message))

    def warn(self, place: str, message: str) -> None:
        """Something doubtful."""
        self.warnings.append(self._problem(place, message))

    def unknown(self, place: str, found: Iterable[str], known: Iterable[str], what: str = "key") -> None:
        """Reports every name that is not known, with the nearest that is."""
        known = list(known)
        for name in found:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                self.report(f"{place}.{name}" if place else name, f"unknown {what}" + (f"; did you mean {near[0]}?" if near else ""))

    def _problem(self, place: str, message: str) -> Problem:
        around = re.sub(r"\[\d+\]", "", place)
        while around and around not in self._lines:
            around = around.rpartition(".")[0]
        return Problem(place, self._lines.get(around), message)


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table = key = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table, key = re.sub(r"[\"'\s]", "", header[1]), ""
            found.setdefault(table, number)
            continue
        if match := _KEY.match(line):
            key = match[1]
            found.setdefault(f"{table}.{key}" if table else key, number)
        for name in _NAMED.findall(line):
            found.setdefault(f"{table}.{key}.{name}", number)
    return found
