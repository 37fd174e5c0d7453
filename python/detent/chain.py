"""A chain in the process: in memory, or on a durable store."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detent import _core
from detent.accounts import Account, as_address, key_of
from detent.contracts import Contract, Interface, encode_call, encode_deploy, load_contract
from detent.errors import error
from detent.receipts import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike
    from types import TracebackType

    from detent.contracts import Source

#: What a development account owns at first, in quanta (10^9 quanta are one coin).
ENDOWMENT = 10**24
#: Gas limit of a call that names none.
DEFAULT_GAS = 10_000_000
#: Gas limit of a deployment that names none: it pays for bytes, functions and the rewritten size.
DEFAULT_DEPLOY_GAS = 1_000_000_000
ZERO = bytes(32)
PUBLIC_KEY_BYTES = 897

KIND_STANDARD = 0
KIND_DEPLOY = 1


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a chain starts from. It is written into the store and checked when the store is opened again."""

    chain_id: int = 31337
    #: A development chain takes unsigned transactions and creates named accounts when they are first used.
    dev: bool = True
    fuel_per_gas: int = 1
    base_fee: int = 100
    #: Seconds since 1970 of block 0; each block adds ``block_seconds``.
    timestamp: int = 1_700_000_000
    block_seconds: int = 1
    #: Balances by public key (897 bytes), address (32 bytes) or development account name.
    balances: dict[bytes | str, int] = field(default_factory=dict)

    @classmethod
    def pyde(cls, **changes: Any) -> Genesis:
        """The ``pyde`` profile: 1000 fuel a gas."""
        return cls(**{"fuel_per_gas": 1000, **changes})

    def to_json(self) -> str:
        """The core's form."""
        data = asdict(self)
        data["balances"] = []
        for owner, amount in self.balances.items():
            who = key_of(owner).public_key if isinstance(owner, str) else owner
            keyed = len(who) == PUBLIC_KEY_BYTES
            one = {"address": (_core.hash_poseidon2(who) if keyed else who).hex(), "balance": str(amount)}
            data["balances"].append({**one, "public_key": who.hex()} if keyed else one)
        return json.dumps(data)


class Chain:
    """A whole execution layer in the process.

    ``path`` names a folder for the durable store (created when missing); without it state lives in memory. Each call is a
    transaction in a block of its own; ``with chain.block():`` puts several into one. A chain is used from one thread at a
    time: calls from others wait. After ``fork`` the child must open its own.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        *,
        genesis: Genesis | None = None,
        engine: str = "cranelift",
    ) -> None:
        place = None if path is None else str(Path(path))
        self._core = _core.Chain(place, genesis=None if genesis is None else genesis.to_json(), engine=engine)
        self._lock = threading.RLock()
        self._open_blocks = 0
        self._accounts: dict[str, Account] = {}

    # -- accounts

    def account(self, name: str) -> Account:
        """The development account of that name, endowed with :data:`ENDOWMENT` when it is first used on this chain."""
        with self._lock:
            account = self._accounts.get(name)
            if account is None:
                account = Account(name, self)
                self._core.endow(account.key.public_key, ENDOWMENT)
                self._accounts[name] = account
            return account

    def accounts(self, *names: str) -> tuple[Account, ...]:
        """Several :meth:`account` at once."""
        return tuple(self.account(name) for name in names)

    def balance(self, who: Account | Contract | bytes | str) -> int:
        """Quanta of an account, 0 for an unknown one."""
        return self._core.balance(as_address(who))

    def nonce(self, who: Account | Contract | bytes | str) -> int:
        """The lowest unused nonce."""
        return self._core.nonce(as_address(who))

    # -- transactions

    def transfer(self, to: Account | Contract | bytes | str, amount: int, *, sender: Account | bytes | str) -> Receipt:
        """Moves native value."""
        return Receipt(self._execute(as_address(sender), as_address(to), amount, b"", DEFAULT_GAS, KIND_STANDARD))

    def deploy(
        self,
        contract: Source,
        *args: Any,
        sender: Account | bytes | str,
        name: str | None = None,
        value: int = 0,
        gas: int = DEFAULT_DEPLOY_GAS,
    ) -> Contract:
        """Deploys a contract and runs its constructor with ``args``.

        ``contract`` is a project folder (built first), a ``.wasm`` or ``.wat`` file, or the module's bytes. ``name`` decides the
        address and defaults to the ABI's name. Raises when the deployment does not succeed.
        """
        code = load_contract(contract)
        interface = Interface.of(code)
        name = name or interface.name
        data = encode_deploy(name, code, interface.encode_constructor(args))
        core = self._execute(as_address(sender), ZERO, value, data, gas, KIND_DEPLOY)
        if core.outcome != "success":
            raise error("deploy_failed", f"{name}: {core.reason or core.output.decode('utf-8', 'replace') or core.outcome}")
        return Contract(self, core.output, interface, Receipt(core))

    def contract(self, where: Contract | bytes | str) -> Contract:
        """The contract at an address (bytes, ``0x`` text) or of a name."""
        address = _core.contract_address(where) if isinstance(where, str) and not where.startswith("0x") else as_address(where)
        code = self._core.code(address)
        if code is None:
            raise error("contract_unknown", f"there is no contract at 0x{address.hex()}")
        return Contract(self, address, Interface.of(code))

    def call(
        self,
        to: Account | Contract | bytes | str,
        function: str,
        calldata: bytes = b"",
        *,
        sender: Account | bytes | str,
        value: int = 0,
        gas: int = DEFAULT_GAS,
    ) -> Receipt:
        """A transaction that calls ``function`` with raw calldata; contract objects encode arguments."""
        data = encode_call(function, calldata)
        return Receipt(self._execute(as_address(sender), as_address(to), value, data, gas, KIND_STANDARD))

    def view(
        self,
        to: Account | Contract | bytes | str,
        function: str,
        calldata: bytes = b"",
        *,
        sender: Account | bytes | str = ZERO,
        gas: int = DEFAULT_GAS,
    ) -> Receipt:
        """Runs a function on the current state and drops what it did; costs nobody anything."""
        return Receipt(self._core.view(as_address(to), function, calldata, as_address(sender), gas))

    def submit(self, transaction: bytes) -> Receipt:
        """Executes a signed transaction."""
        with self._lock:
            receipt = self._core.submit(transaction)
            if not self._open_blocks:
                self._core.seal()
        return Receipt(receipt)

    def run_batch(self, transactions: Sequence[bytes], *, block_size: int = 1000) -> _core.Batch:
        """Executes signed transactions in sealed blocks, all cores on the signatures, without the GIL.

        Ctrl-C stops it at a block boundary and raises then; :attr:`height` says how far it came, and the chain stays usable.
        """
        with self._lock:
            return self._core.run_batch(transactions, block_size)

    def _execute(  # noqa: PLR0917 - the hot path of every call: positional arguments are what is fast
        self, sender: bytes, to: bytes, value: int, data: bytes, gas: int, kind: int
    ) -> _core.Receipt:
        with self._lock:
            receipt = self._core.execute(sender, to, value, data, gas, kind)
            if not self._open_blocks:
                self._core.seal()
        return receipt

    # -- blocks

    @contextmanager
    def block(self) -> Iterator[Chain]:
        """Transactions inside go into one block, sealed at the end (also after an exception: what was executed, was)."""
        with self._lock:
            self._open_blocks += 1
            try:
                yield self
            finally:
                self._open_blocks -= 1
                if not self._open_blocks:
                    self._core.seal()

    def seal(self) -> _core.Block:
        """Closes the open block, empty or not."""
        with self._lock:
            return self._core.seal()

    def get_block(self, height: int) -> _core.Block | None:
        """A sealed block."""
        return self._core.block(height)

    def get_receipt(self, tx_hash: bytes) -> Receipt | None:
        """The receipt of a transaction in a sealed block."""
        found = self._core.receipt(tx_hash)
        return None if found is None else Receipt(found)

    @property
    def height(self) -> int:
        """Height of the last sealed block."""
        return self._core.height

    @property
    def state_root(self) -> bytes:
        """Root of the state after the last sealed block."""
        return self._core.state_root

    @property
    def chain_id(self) -> int:
        """The chain id that transactions are signed for."""
        return self._core.chain_id

    def describe(self, who: Account | Contract | bytes | str) -> dict[str, Any]:
        """An account's record: balance, nonce, code hash, kind."""
        address = as_address(who)
        found = self._core.account_json(address)
        record: dict[str, Any] = json.loads(found) if found else {"address": "0x" + address.hex(), "exists": False, "balance": 0}
        return record

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self._core.engine

    def snapshot(self) -> int:
        """Remembers the state; O(1)."""
        with self._lock:
            return self._core.snapshot()

    def revert_to(self, snapshot: int) -> None:
        """Goes back; costs what changed since."""
        with self._lock:
            self._core.revert_to(snapshot)

    def replay(self, engine: str) -> dict[str, Any]:
        """Re-executes every block from genesis on another engine and compares roots, receipts and gas."""
        with self._lock:
            found: dict[str, Any] = json.loads(self._core.replay(engine))
        return found

    # -- life

    def close(self) -> None:
        """Releases the store's lock. What is not in a sealed block is gone."""
        with self._lock:
            self._core.close()

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Chain height={self.height} root=0x{self.state_root.hex()[:8]} engine={self.engine}>"
