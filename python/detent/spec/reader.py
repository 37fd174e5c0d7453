"""Reading bytes totally: every read either succeeds inside the bounds or raises `MalformedModule` with the offset."""

from __future__ import annotations

from .errors import MalformedModule


class Reader:
    """A cursor over `data[position:end]`; offsets count from the module's first byte."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    def malformed(self, what: str) -> MalformedModule:
        """The error for something wrong here."""
        return MalformedModule(self.position, what)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.position >= self.end

    def byte(self) -> int:
        """One byte."""
        if self.position >= self.end:
            raise self.malformed("unexpected end")
        value = self.data[self.position]
        self.position += 1
        return value

    def take(self, count: int) -> bytes:
        """`count` bytes."""
        if count > self.end - self.position:
            raise self.malformed("unexpected end")
        value = self.data[self.position : self.position + count]
        self.position += count
        return value

    def part(self, size: int) -> Reader:
        """A cursor over the next `size` bytes, which this one skips."""
        start = self.position
        self.take(size)
        return Reader(self.data, start, start + size)

    def u32(self) -> int:
        """An unsigned LEB128 number of 32 bits."""
        return self._leb(32, signed=False)

    def s32(self) -> int:
        """A signed LEB128 number of 32 bits."""
        return self._leb(32, signed=True)

    def s33(self) -> int:
        """A signed LEB128 number of 33 bits: a block type."""
        return self._leb(33, signed=True)

    def s64(self) -> int:
        """A signed LEB128 number of 64 bits."""
        return self._leb(64, signed=True)

    def little(self, count: int) -> int:
        """`count` bytes as an unsigned little-endian number: the bits of a float."""
        return int.from_bytes(self.take(count), "little")

    def name(self) -> str:
        """A length-prefixed UTF-8 name."""
        start = self.position
        try:
            return self.take(self.u32()).decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise MalformedModule(start, "malformed UTF-8 encoding") from error

    def _leb(self, bits: int, *, signed: bool) -> int:
        start = self.position
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
            if shift >= bits:
                raise MalformedModule(start, "integer representation too long")
        if signed and byte & 0x40:
            value -= 1 << shift
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
        if not low <= value < high:
            raise MalformedModule(start, "integer too large")
        return value
