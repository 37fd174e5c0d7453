"""The compiled core. Bytes and integers in, data out; everything friendlier is in the Python modules above it.

Addresses, hashes and slots are 32 bytes. Amounts are in quanta (u128), gas in gas, fuel in fuel (docs/metering.md).
Every function raises :class:`detent.errors.DetentError` subclasses with a code of the catalogue. Long calls free the GIL.
"""

from collections.abc import Sequence
from typing import final

__all__ = [
    "Batch",
    "Block",
    "Chain",
    "Event",
    "Key",
    "MeterBench",
    "Metered",
    "Receipt",
    "Run",
    "__version__",
    "bench_calls",
    "bench_transfers",
    "check",
    "contract_address",
    "engines",
    "hash_poseidon2",
    "meter",
    "run",
    "sign_batch",
    "signals_intact",
    "verify",
    "wat2wasm",
]

__version__: str

@final
class Key:
    """A Falcon-512 key pair."""

    @staticmethod
    def from_seed(seed: bytes) -> Key:
        """The key pair of a 32-byte seed."""

    @staticmethod
    def from_seeds(seeds: Sequence[bytes]) -> list[Key]:
        """Many key pairs, on all cores."""

    @property
    def address(self) -> bytes: ...
    @property
    def public_key(self) -> bytes:
        """897 bytes."""

    def sign(self, message: bytes) -> bytes:
        """A signature under the chain's context, compact form."""

    def transaction(
        self,
        *,
        to: bytes,
        value: int,
        data: bytes,
        gas_limit: int,
        nonce: int,
        chain_id: int,
        kind: int = 0,
        deadline: int | None = None,
    ) -> bytes:
        """A signed transaction's bytes."""

def sign_batch(keys: Sequence[Key], unsigned: Sequence[tuple[int, bytes, int, bytes, int, int, int]], chain_id: int) -> list[bytes]:
    """Signed transactions of (index of the key, to, value, data, gas limit, nonce, kind), on all cores."""

def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is valid under the chain's context."""

@final
class Event:
    """An event of a receipt."""

    @property
    def emitter(self) -> bytes: ...
    @property
    def topics(self) -> list[bytes]: ...
    @property
    def data(self) -> bytes: ...

@final
class Receipt:
    """What became of a transaction."""

    @property
    def tx_hash(self) -> bytes: ...
    @property
    def height(self) -> int: ...
    @property
    def index(self) -> int: ...
    @property
    def sender(self) -> bytes: ...
    @property
    def outcome(self) -> str:
        """``success``, ``revert`` or ``halt``."""

    @property
    def output(self) -> bytes:
        """Return bytes of a success, revert bytes of a revert, empty for a halt."""

    @property
    def reason(self) -> str | None:
        """Why a halt halted: a name of the error catalogue, and particulars."""

    @property
    def gas_used(self) -> int: ...
    @property
    def fuel_used(self) -> int: ...
    @property
    def fee_paid(self) -> int: ...
    @property
    def events(self) -> list[Event]: ...
    @property
    def frames(self) -> list[tuple[int | None, int | None]]:
        """(function index, code offset) of each activation that was live at a trap, innermost first; for people."""

    def to_bytes(self) -> bytes:
        """The consensus encoding."""

    def to_json(self) -> str: ...

@final
class Block:
    """A sealed block."""

    @property
    def height(self) -> int: ...
    @property
    def hash(self) -> bytes: ...
    @property
    def parent(self) -> bytes: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def state_root(self) -> bytes: ...
    @property
    def receipts_root(self) -> bytes: ...
    @property
    def events_root(self) -> bytes: ...
    @property
    def gas_used(self) -> int: ...
    @property
    def base_fee(self) -> int: ...
    @property
    def transactions(self) -> int: ...

@final
class Batch:
    """What became of a batch of transactions."""

    @property
    def blocks(self) -> list[Block]: ...
    @property
    def refused(self) -> list[tuple[int, str, str]]:
        """Index in the batch, name of the error, message of each transaction that was not admitted."""

    @property
    def succeeded(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def seconds(self) -> dict[str, float]:
        """Where time went: signatures, execution, commitment and store."""

@final
class Chain:
    """A chain on an embedded store, or in memory."""

    def __new__(cls, path: str | None = None, *, genesis: str | None = None, engine: str = "cranelift") -> Chain: ...
    @property
    def height(self) -> int: ...
    @property
    def state_root(self) -> bytes: ...
    @property
    def chain_id(self) -> int: ...
    @property
    def base_fee(self) -> int: ...
    @property
    def fuel_per_gas(self) -> int: ...
    @property
    def engine(self) -> str: ...
    @property
    def pending(self) -> int:
        """Transactions in the open block."""

    def submit(self, transaction: bytes) -> Receipt:
        """Executes a signed transaction in the open block."""

    def execute(self, sender: bytes, to: bytes, value: int, data: bytes, gas_limit: int, kind: int = 0) -> Receipt:
        """Executes an unsigned transaction in the open block (development chains only)."""

    def endow(self, public_key: bytes, balance: int) -> None:
        """Creates an account with a key and a balance unless it exists (development chains only; part of the open block)."""

    def seal(self) -> Block:
        """Closes the open block: roots, one durable write."""

    def run_batch(self, transactions: Sequence[bytes], block_size: int) -> Batch:
        """Executes signed transactions in sealed blocks of ``block_size``; Ctrl-C stops it at a block boundary."""

    def view(self, to: bytes, function: str, calldata: bytes, caller: bytes, gas: int) -> Receipt:
        """Runs a function on the open block's state and drops what it did."""

    def balance(self, address: bytes) -> int: ...
    def nonce(self, address: bytes) -> int:
        """The lowest unused nonce."""

    def account_json(self, address: bytes) -> str | None: ...
    def code(self, address: bytes) -> bytes | None: ...
    def storage(self, address: bytes, slot: bytes) -> bytes | None: ...
    def receipt(self, tx_hash: bytes) -> Receipt | None: ...
    def block(self, height: int) -> Block | None: ...
    def set_time(self, timestamp: int) -> None:
        """Sets the time of the next block (development chains only)."""

    def snapshot(self) -> int: ...
    def revert_to(self, snapshot: int) -> None: ...
    def replay(self, engine: str) -> str:
        """Re-executes every block on another engine from genesis; JSON with the roots compared."""

    def close(self) -> None: ...

@final
class Metered:
    """A module in deterministic form."""

    @property
    def wasm(self) -> bytes: ...
    @property
    def form(self) -> str: ...
    @property
    def instance_charge(self) -> int: ...
    @property
    def side_table(self) -> list[tuple[int, int]]:
        """(code offset in ``wasm``, refund in fuel)."""

@final
class Run:
    """How a run of a module ended."""

    @property
    def outcome(self) -> str:
        """``success``, ``revert`` or ``halt``."""

    @property
    def end(self) -> str:
        """``returned``, ``stopped``, ``trapped:<kind>``, ``out_of_gas``, ``stack_overflow`` or ``out_of_memory``."""

    @property
    def fuel_used(self) -> int: ...
    @property
    def gas_used(self) -> int: ...
    @property
    def output(self) -> bytes: ...
    @property
    def results(self) -> list[int]: ...
    @property
    def detail(self) -> str | None: ...
    @property
    def frames(self) -> list[tuple[int | None, str | None, int | None]]:
        """(function index, function name, code offset), innermost first."""

@final
class MeterBench:
    """A module without imports under one meter (``plain``, ``none``, ``fuel``, ``hostcall``, ``form``), on Cranelift."""

    def __new__(cls, wasm: bytes, meter: str) -> MeterBench: ...
    @property
    def compile_ns(self) -> int: ...
    def run(self, entry: str, n: int) -> int:
        """The result of an export ``(i32) -> i64``."""

    def time(self, entry: str, n: int) -> int:
        """Nanoseconds that it takes."""

    @property
    def used(self) -> int:
        """What the last run used, by this meter's count."""

def bench_calls(calls: int) -> list[tuple[str, float, float]]:
    """What a call does, its nanoseconds here, and through wasmtime's tuned pool; medians of one run."""

def bench_transfers(token: bytes, typed: bool, transactions: int, accounts: int, block: int) -> str:
    """Token transfers on one core as JSON: rates, times, the same moves natively; balances and root are checked afterwards."""

def check(wasm: bytes, contract: bool) -> str:
    """The gate's report as JSON."""

def meter(wasm: bytes, form: str) -> Metered: ...
def run(
    wasm: bytes,
    entry: str,
    *,
    args: Sequence[int],
    calldata: bytes,
    value: int,
    fuel: int,
    fuel_per_gas: int,
    engine: str,
    instance_charge: bool,
) -> Run: ...
def wat2wasm(text: str) -> bytes: ...
def engines() -> list[str]: ...
def signals_intact() -> bool: ...
def hash_poseidon2(data: bytes) -> bytes: ...
def contract_address(name: str) -> bytes: ...
