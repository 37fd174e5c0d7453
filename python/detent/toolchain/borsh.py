"""Reading and writing borsh, exact in length: what the ABI section and values have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class BorshError(Exception):
    """Bytes that do not fit. Callers turn it into an error of the catalogue."""


def integer(value: int, size: int, *, signed: bool = False) -> bytes:
    """``size`` bytes, little-endian."""
    return value.to_bytes(size, "little", signed=signed)


def string(text: str) -> bytes:
    """Length and UTF-8."""
    return blob(text.encode())


def blob(data: bytes) -> bytes:
    """Length and bytes."""
    return integer(len(data), 4) + data


def sequence(items: Sequence[T], write: Callable[[T], bytes]) -> bytes:
    """Count and items."""
    return integer(len(items), 4) + b"".join(write(item) for item in items)


class Reader:
    """Takes values from the front of bytes; every method raises :class:`BorshError`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > len(self.data) - self.at:
            raise BorshError(f"{count} bytes wanted at offset {self.at}, {len(self.data) - self.at} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self, size: int, *, signed: bool = False) -> int:
        """A little-endian integer."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def blob(self) -> bytes:
        """Length and bytes."""
        return self.take(self.integer(4))

    def string(self) -> str:
        """Length and UTF-8."""
        start = self.at
        try:
            return self.blob().decode()
        except UnicodeDecodeError as error:
            raise BorshError(f"the string at offset {start} is not UTF-8") from error

    def flag(self) -> bool:
        """A byte that is 0 or 1."""
        byte = self.integer(1)
        if byte > 1:
            raise BorshError(f"byte {byte} at offset {self.at - 1} is neither 0 nor 1")
        return bool(byte)

    def sequence(self, read: Callable[[], T]) -> list[T]:
        """Count and items. A count is only a claim: the items run out of bytes first."""
        count = self.integer(4)
        items: list[T] = []
        for _ in range(count):
            start = self.at
            items.append(read())
            if self.at == start:
                raise BorshError(f"{count} items of no bytes at offset {start}")
        return items

    def option(self, read: Callable[[], T]) -> T | None:
        """Tag and value."""
        return read() if self.flag() else None

    def finish(self) -> None:
        """Everything must have been read."""
        if self.at != len(self.data):
            raise BorshError(f"{len(self.data) - self.at} bytes left over at offset {self.at}")
