"""Errors: one catalogue, one exception class a family.

Every error has a stable ``code`` (``D305``) and ``name`` (``nonce_wrong``) of ``protocol/errors.toml``, says what was wrong
(``detail``), where (``at``) and what to try (``cure``). The Rust core raises the same classes.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the catalogue."""

    code: str
    name: str
    meaning: str
    cure: str


@cache
def catalogue() -> dict[str, Entry]:
    """Every error by code and by name."""
    text = files("detent").joinpath("protocol/errors.toml").read_text(encoding="utf-8")
    found: dict[str, Entry] = {}
    for item in tomllib.loads(text)["error"]:
        entry = Entry(item["code"], item["name"], item["meaning"], item["cure"])
        found[entry.code] = found[entry.name] = entry
    return found


class DetentError(Exception):
    """An error of the catalogue; see the subclasses for families."""

    def __init__(self, code: str, detail: str = "", at: str | None = None) -> None:
        entry = catalogue()[code]
        self.code = entry.code
        self.name = entry.name
        self.meaning = entry.meaning
        self.cure = entry.cure
        self.detail = detail or entry.meaning
        self.at = at
        place = f" (at {at})" if at else ""
        super().__init__(f"{entry.code} {entry.name}: {self.detail}{place}. {entry.cure}")

    def __reduce__(self) -> tuple[type[DetentError], tuple[str, str, str | None]]:
        return (type(self), (self.code, self.detail, self.at))

    def to_dict(self) -> dict[str, str | None]:
        """For JSON."""
        return {"code": self.code, "name": self.name, "detail": self.detail, "at": self.at, "cure": self.cure}


class GateError(DetentError):
    """D1xx: a module was not admitted."""


class ExecutionError(DetentError):
    """D2xx: an execution ended other than by success."""


class ChainError(DetentError):
    """D3xx: a transaction or block was not accepted."""


class StateError(DetentError):
    """D4xx: the store or the state."""


class EngineError(DetentError):
    """D5xx: engines and artefacts."""


class EncodingError(DetentError):
    """D6xx: encodings and keys."""


class ToolchainError(DetentError):
    """D7xx: building contracts."""


class UsageError(DetentError):
    """D8xx: use of the Python package or the command line."""


_FAMILIES: dict[str, type[DetentError]] = {
    "1": GateError,
    "2": ExecutionError,
    "3": ChainError,
    "4": StateError,
    "5": EngineError,
    "6": EncodingError,
    "7": ToolchainError,
    "8": UsageError,
}


def error(code: str, detail: str = "", at: str | None = None) -> DetentError:
    """The exception for a code or name of the catalogue, of its family's class."""
    return _FAMILIES[catalogue()[code].code[1]](code, detail, at)
