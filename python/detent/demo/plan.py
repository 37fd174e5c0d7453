"""What the demo does, decided by numbers alone: any process can rebuild any block of it, and the expected balances."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from detent import _core
from detent.chain import Genesis
from detent.contracts import encode_call, encode_deploy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detent.contracts import Interface

#: Tokens of each account at first.
SHARE = 1_000_000
#: Native balance of each account: enough for every fee of the demo.
NATIVE = 10**24
GAS_LIMIT = 2_000_000
DEPLOY_GAS = 1_000_000_000
TOKEN_NAME = "demo-token"


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a demo. Block 1 deploys, the next blocks share the supply out, the rest are the transfers."""

    transfers: int
    accounts: int
    block_size: int

    def seeds(self) -> list[bytes]:
        """A 32-byte seed for each account's key; account 0 deploys."""
        return [blake2b(f"detent demo {index}".encode(), digest_size=32).digest() for index in range(self.accounts)]

    def genesis(self, keys: list[_core.Key]) -> Genesis:
        """All accounts funded, with their keys registered."""
        return Genesis(balances={key.public_key: NATIVE for key in keys})

    @property
    def share_blocks(self) -> int:
        """Blocks that share the supply out."""
        return -(-(self.accounts - 1) // self.block_size)

    @property
    def transfer_blocks(self) -> int:
        """Blocks of transfers."""
        return -(-self.transfers // self.block_size)

    @property
    def blocks(self) -> int:
        """Height of the finished demo."""
        return 1 + self.share_blocks + self.transfer_blocks

    def _transfer(self, index: int) -> tuple[int, int, int]:
        """(from, to, amount) of transfer ``index``: everyone pays in turn, to someone who changes."""
        sender = index % self.accounts
        step = 1 + (index * 7919) % (self.accounts - 1)
        return sender, (sender + step) % self.accounts, 1 + index % 97

    def moves(self, height: int) -> Iterator[tuple[int, int, int, int]]:
        """(from, to, amount, nonce) of each token transfer in the block at ``height``."""
        if height <= 1:
            return
        share = height - 2
        if share < self.share_blocks:
            first = 1 + share * self.block_size
            for to in range(first, min(first + self.block_size, self.accounts)):
                yield 0, to, SHARE, to  # nonce 0 deployed
            return
        block = share - self.share_blocks
        for index in range(block * self.block_size, min((block + 1) * self.block_size, self.transfers)):
            sender, to, amount = self._transfer(index)
            nonce = index // self.accounts
            yield sender, to, amount, nonce + self.accounts if sender == 0 else nonce

    def sign_block(self, height: int, keys: list[_core.Key], code: bytes, interface: Interface, chain_id: int) -> list[bytes]:
        """The signed transactions of the block at ``height``."""
        if height == 1:
            data = encode_deploy(TOKEN_NAME, code, interface.encode_constructor((SHARE * self.accounts,)))
            return _core.sign_batch(keys, [(0, bytes(32), 0, data, DEPLOY_GAS, 0, 1)], chain_id)
        token = _core.contract_address(TOKEN_NAME)
        encode = interface.encoder("transfer")
        return _core.sign_batch(
            keys,
            [
                (sender, token, 0, encode_call("transfer", encode((keys[to].address, amount))), GAS_LIMIT, nonce, 0)
                for sender, to, amount, nonce in self.moves(height)
            ],
            chain_id,
        )

    def balances(self) -> list[int]:
        """The token balance of each account at the end."""
        held = [0] * self.accounts
        held[0] = SHARE * self.accounts
        for height in range(1, self.blocks + 1):
            for sender, to, amount, _ in self.moves(height):
                held[sender] -= amount
                held[to] += amount
        return held
