"""Accounts: addresses, and named accounts whose keys anyone can derive (for development)."""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from detent import _core
from detent.errors import error

if TYPE_CHECKING:
    from typing import Protocol

    class Balances(Protocol):
        """What an account asks of its chain."""

        def balance(self, who: Any) -> int: ...
        def nonce(self, who: Any) -> int: ...


ADDRESS_BYTES = 32


def as_address(who: object) -> bytes:
    """The 32-byte address of an account, contract, ``0x`` text or bytes."""
    if isinstance(who, bytes):
        raw = who
    elif isinstance(who, str):
        try:
            raw = bytes.fromhex(who.removeprefix("0x"))
        except ValueError:
            raise error("address_malformed", f"{who!r} is not hexadecimal") from None
    else:
        raw = getattr(who, "address", b"")
        if not isinstance(raw, bytes):
            raise error("address_malformed", f"{who!r} has no address")
    if len(raw) != ADDRESS_BYTES:
        raise error("address_malformed", f"an address is 32 bytes, not {len(raw)}")
    return raw


class Account:
    """A named development account of a chain. Its key is derived from its name: never use it for value.

    The key pair takes some milliseconds to make and is made when first needed; unsigned calls need only the address,
    which is derived from the key as well, so the first use of a name pays it once.
    """

    __slots__ = ("__dict__", "_chain", "name")

    def __init__(self, name: str, chain: Balances) -> None:
        self.name = name
        self._chain = chain

    @cached_property
    def key(self) -> _core.Key:
        """The Falcon-512 key pair of the name."""
        return key_of(self.name)

    @cached_property
    def address(self) -> bytes:
        """32 bytes: Poseidon2 of the public key."""
        return self.key.address

    @property
    def balance(self) -> int:
        """Quanta, in the open block."""
        return self._chain.balance(self.address)

    @property
    def nonce(self) -> int:
        """The lowest unused nonce."""
        return self._chain.nonce(self.address)

    def __bytes__(self) -> bytes:
        return self.address

    def __repr__(self) -> str:
        return f"<Account {self.name} 0x{self.address.hex()}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)


_KEYS: dict[str, _core.Key] = {}


def key_of(name: str) -> _core.Key:
    """The key pair of a development account's name: seed = Blake2b-256 of ``detent account NAME``."""
    key = _KEYS.get(name)
    if key is None:
        seed = blake2b(f"detent account {name}".encode(), digest_size=32).digest()
        key = _KEYS.setdefault(name, _core.Key.from_seed(seed))
    return key
