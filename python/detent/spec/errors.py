"""Refusals of the specification: what makes a module or a call unfit to run at all. Codes are those of the error catalogue."""
# ruff: noqa: N818 (named after what is wrong)

from __future__ import annotations


class SpecError(ValueError):
    """Base of everything the specification raises on purpose."""

    code = "D101"


class MalformedModule(SpecError):
    """The bytes do not decode as a core module of the admitted features."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"{what} (at byte {offset})")
        self.offset = offset
        self.what = what


class InvalidModule(SpecError):
    """The module decodes and breaks a rule of WebAssembly validation."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"{what} (at byte {offset})")
        self.offset = offset
        self.what = what


class NotAdmitted(SpecError):
    """A valid module that the deployment gate refuses and the specification therefore gives no meaning to."""

    code = "D108"


class EntryUnknown(SpecError):
    """There is no exported function of that name and type."""

    code = "D207"


class ScheduleError(SpecError):
    """A schedule file lacks a number, has an unknown one, or one that is not a non-negative integer."""

    code = "D801"


class BrokenInvariant(AssertionError):
    """The specification contradicts itself: a bug here or in `docs/metering.md`, never the module's fault."""
