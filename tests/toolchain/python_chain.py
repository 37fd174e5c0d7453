"""A small chain in Python for tests of guests: enough of the host ABI to run what the toolchain builds, without gas.

The real host is Rust (``crates/host``), and ``test_guests_on_chain.py`` runs the same guests on it. This one shows raw slots, keys and
topics as guests hand them over, which a chain hashes away. It follows
``docs/host-abi.md`` for results and codes: typed storage against the schema in the module's own section, nested calls with undo.
"""

# ruff: noqa: PLR0917 - host functions take as many arguments as the ABI says
from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import wasmtime

from detent.toolchain import abi as abi_section
from detent.toolchain.abi import ContractAbi, Function
from detent.toolchain.blake3 import blake3
from detent.toolchain.types import Custom, Type, width
from detent.toolchain.wasm import Module, custom_sections

WORDS = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}


def quiet_engine() -> wasmtime.Engine:
    """An engine of the wasmtime package that leaves signal handlers alone: this process also runs Detent's own."""
    config = wasmtime.Config()
    config.signals_based_traps = False
    return wasmtime.Engine(config)


class Stopped(Exception):  # noqa: N818 - not an error
    """``return`` or ``revert``."""

    def __init__(self, success: bool, data: bytes) -> None:
        self.success = success
        self.data = data


class HostTrapError(Exception):
    """The host ends the frame."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended: ``success``, ``revert`` or ``trap``."""

    kind: str
    data: bytes


@dataclass
class Code:
    module: wasmtime.Module
    imports: tuple[Any, ...]
    abi: ContractAbi


@dataclass
class World:
    """What a failed call undoes."""

    slots: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=dict)
    events: list[tuple[bytes, list[bytes], bytes]] = field(default_factory=list)


def keccak_stand_in(data: bytes) -> bytes:
    """Not Keccak: the tests only need to see which host function answered."""
    return blake2b(data, digest_size=32, person=b"keccak256").digest()


def poseidon_stand_in(data: bytes) -> bytes:
    """Not Poseidon2, for the same reason."""
    return blake2b(data, digest_size=32, person=b"poseidon2").digest()


class Chain:
    """Contracts by name, one world, one call at a time."""

    def __init__(self) -> None:
        self.engine = quiet_engine()
        self.codes: dict[bytes, Code] = {}
        self.world = World()
        self.stack: list[tuple[bytes, str]] = []

    def deploy(self, wasm: bytes, calldata: bytes = b"", *, caller: bytes = bytes(32), name: str | None = None) -> bytes:
        """Puts a contract at an address made of its name and runs its constructor."""
        contents = dict(custom_sections(wasm))
        decoded = abi_section.decode(contents[abi_section.SECTION])
        address = blake3(b"pyde-contract:" + (name or decoded.name).encode())
        self.codes[address] = Code(wasmtime.Module(self.engine, wasm), Module(wasm).imports(), decoded)
        if decoded.constructor is not None:
            outcome = self._run(address, decoded.constructor, calldata, caller, 0, address, view=False)
            assert outcome.kind == "success", outcome
        return address

    def call(self, target: bytes, name: str, calldata: bytes = b"", *, caller: bytes = bytes(32), value: int = 0) -> Outcome:
        """Runs a function as a transaction would; a failure leaves nothing behind."""
        function = self.codes[target].abi.function(name)
        assert function is not None, name
        return self._run(target, function, calldata, caller, value, target, view=function.view)

    def _run(self, code: bytes, function: Function, calldata: bytes, caller: bytes, value: int, owner: bytes, *, view: bool) -> Outcome:
        before = copy.deepcopy(self.world)
        self.stack.append((owner, function.name))
        try:
            outcome = _Frame(self, code, function, calldata, caller, value, owner, view).run()
        finally:
            self.stack.pop()
        if outcome.kind != "success":
            self.world = before
        return outcome


class _Frame:
    def __init__(
        self, chain: Chain, code: bytes, function: Function, calldata: bytes, caller: bytes, value: int, owner: bytes, view: bool
    ) -> None:
        self.chain, self.code, self.function, self.calldata = chain, chain.codes[code], function, calldata
        self.caller, self.value, self.owner, self.view = caller, value, owner, view
        self.memory: wasmtime.Memory
        self.store = wasmtime.Store(chain.engine)

    def run(self) -> Outcome:
        linker = wasmtime.Linker(self.chain.engine)
        for item in self.code.imports:
            assert item.module == "pyde" and item.type is not None, item
            ty = wasmtime.FuncType([WORDS[w]() for w in item.type.params], [WORDS[w]() for w in item.type.results])
            linker.define_func("pyde", item.name, ty, self._function(item.name))
        exports = linker.instantiate(self.store, self.code.module).exports(self.store)
        memory, entry = exports["memory"], exports[self.function.name]
        assert isinstance(memory, wasmtime.Memory) and isinstance(entry, wasmtime.Func)
        self.memory = memory
        try:
            entry(self.store)
        except Stopped as stop:
            return Outcome("success" if stop.success else "revert", stop.data)
        except (wasmtime.Trap, HostTrapError):
            return Outcome("trap", b"")
        return Outcome("success", b"")

    def read(self, pointer: int, length: int) -> bytes:
        if length == 0:
            return b""
        pointer &= 0xFFFFFFFF
        if length < 0 or pointer + length > self.memory.data_len(self.store):
            raise HostTrapError("range")
        return bytes(self.memory.read(self.store, pointer, pointer + length))

    def write(self, pointer: int, data: bytes) -> None:
        self.read(pointer, len(data))
        if data:
            self.memory.write(self.store, data, pointer & 0xFFFFFFFF)

    def changes(self) -> None:
        if self.view:
            raise HostTrapError("view")

    def _function(self, name: str) -> Callable[..., Any]:
        verb, _, kind = name.partition("_")
        if verb in ("sload", "sstore", "sdelete") and kind:
            keys = 0 if kind == "scalar" else int(kind[-1])
            return lambda *args: self._typed(verb, keys, *args)
        return getattr(self, "h_" + name)  # type: ignore[no-any-return]

    # Storage.

    def _typed(self, verb: str, count: int, field: int, field_len: int, *rest: int) -> int:
        name = self.read(field, field_len)
        keys = [self.read(rest[2 * i], rest[2 * i + 1]) for i in range(count)]
        declared = next((f for f in self.code.abi.state if f.name.encode() == name), None)
        if declared is None:
            return -31
        if len(declared.keys) != count:
            return -32
        if any(width(ty) not in (None, len(key)) for ty, key in zip(declared.keys, keys, strict=True)):
            return -33
        slot = b"".join((name, *keys))
        tail = rest[2 * count :]
        if verb == "sload":
            return self._load(slot, *tail)
        if verb == "sstore":
            value = self.read(*tail)
            if _fixed(declared.value) not in (None, len(value)):
                return -34
            self._store(slot, value)
        else:
            self._store(slot, None)
        return 0

    def _load(self, slot: bytes, out: int, capacity: int) -> int:
        value = self.chain.world.slots.get((self.owner, slot))
        if value is None:
            return -1
        self.write(out, value[:capacity])
        return len(value)

    def _store(self, slot: bytes, value: bytes | None) -> None:
        self.changes()
        if value is None:
            self.chain.world.slots.pop((self.owner, slot), None)
        else:
            self.chain.world.slots[self.owner, slot] = value

    def h_sload(self, slot: int, out: int, capacity: int) -> int:
        return self._load(self.read(slot, 32), out, capacity)

    def h_sstore(self, slot: int, value: int, length: int) -> None:
        self._store(self.read(slot, 32), self.read(value, length))

    def h_sdelete(self, slot: int) -> None:
        self._store(self.read(slot, 32), None)

    # Context.

    def _fill(self, out: int, data: bytes) -> int:
        self.write(out, data)
        return 0

    def h_caller(self, out: int) -> int:
        return self._fill(out, self.caller)

    def h_origin(self, out: int) -> int:
        return self._fill(out, b"\x0e" * 32)

    def h_self_address(self, out: int) -> int:
        return self._fill(out, self.owner)

    def h_beacon_get(self, out: int) -> int:
        return self._fill(out, b"\x0b" * 32)

    def h_tx_hash(self, out: int) -> None:
        self.write(out, b"\x0a" * 32)

    def h_tx_value(self, out: int) -> None:
        self.write(out, self.value.to_bytes(16, "little"))

    def h_wave_id(self) -> int:
        return 11

    def h_wave_timestamp(self) -> int:
        return 12

    def h_chain_id(self) -> int:
        return 31337

    def h_tx_gas_remaining(self) -> int:
        return 1 << 40

    def h_consume_gas(self, amount: int) -> None:
        pass

    def h_calldata_size(self) -> int:
        return len(self.calldata)

    def h_calldata_copy(self, out: int, cell: int) -> int:
        capacity = int.from_bytes(self.read(cell, 4), "little")
        self.write(out, self.calldata[:capacity])
        self.write(cell, len(self.calldata).to_bytes(4, "little"))
        return 0

    # Accounts, events, hashes.

    def h_balance(self, address: int, out: int) -> None:
        self.write(out, self.chain.world.balances.get(self.read(address, 32), 0).to_bytes(16, "little"))

    def h_transfer(self, to: int, amount: int) -> int:
        self.changes()
        return self._move(self.owner, self.read(to, 32), int.from_bytes(self.read(amount, 16), "little"))

    def _move(self, source: bytes, to: bytes, amount: int) -> int:
        balances = self.chain.world.balances
        if balances.get(source, 0) < amount:
            return -3
        balances[source] = balances.get(source, 0) - amount
        balances[to] = balances.get(to, 0) + amount
        return 0

    def h_emit_event(self, topics: int, count: int, data: int, length: int) -> int:
        self.changes()
        if not 1 <= count <= 4 or length > 8192:
            return -1
        self.chain.world.events.append((self.owner, [self.read(topics + 32 * i, 32) for i in range(count)], self.read(data, length)))
        return 0

    def h_hash_blake3(self, data: int, length: int, out: int) -> None:
        self.write(out, blake3(self.read(data, length)))

    def h_hash_keccak256(self, data: int, length: int, out: int) -> None:
        self.write(out, keccak_stand_in(self.read(data, length)))

    def h_hash_poseidon2(self, data: int, length: int, out: int) -> None:
        self.write(out, poseidon_stand_in(self.read(data, length)))

    def h_falcon_verify(self, *_: int) -> int:
        return -17

    # Calls and ends.

    def h_return(self, data: int, length: int) -> None:
        raise Stopped(True, self.read(data, length))

    def h_revert(self, data: int, length: int) -> None:
        raise Stopped(False, self.read(data, length))

    def h_cross_call(self, to: int, name: int, nlen: int, cd: int, cdlen: int, value: int, gas: int, ret: int, cell: int) -> int:
        target, amount = self.read(to, 32), int.from_bytes(self.read(value, 16), "little")
        return self._nested(target, target, name, nlen, cd, cdlen, amount, self.owner, ret, cell)

    def h_cross_call_static(self, to: int, name: int, nlen: int, cd: int, cdlen: int, gas: int, ret: int, cell: int) -> int:
        target = self.read(to, 32)
        return self._nested(target, target, name, nlen, cd, cdlen, 0, self.owner, ret, cell, static=True)

    def h_delegate_call(self, to: int, name: int, nlen: int, cd: int, cdlen: int, gas: int, ret: int, cell: int) -> int:
        return self._nested(self.read(to, 32), self.owner, name, nlen, cd, cdlen, None, self.caller, ret, cell)

    def _nested(
        self, code: bytes, owner: bytes, name: int, nlen: int, cd: int, cdlen: int, value: int | None, caller: bytes,
        ret: int, cell: int, *, static: bool = False,
    ) -> int:  # fmt: skip
        chain = self.chain
        capacity = int.from_bytes(self.read(cell, 4), "little")
        self.write(cell, bytes(4))
        text = self.read(name, nlen).decode()
        function = chain.codes[code].abi.function(text) if code in chain.codes else None
        if function is None or not {"entry", "fallback", "receive"} & {*function.attributes}:
            return -13
        if static and not function.view:
            return -5
        if value and "payable" not in function.attributes:
            return -12
        if (owner, text) in chain.stack and "reentrant" not in function.attributes and not function.view:
            return -9
        before = copy.deepcopy(chain.world)
        if value and self._move(self.owner, code, value):
            return -3
        view = self.view or static
        outcome = chain._run(code, function, self.read(cd, cdlen), caller, self.value if value is None else value, owner, view=view)
        if outcome.kind != "success" or static:
            chain.world = before
        self.write(ret, outcome.data[:capacity])
        self.write(cell, len(outcome.data).to_bytes(4, "little"))
        return 0 if outcome.kind == "success" else -10


def _fixed(ty: Type) -> int | None:
    return None if isinstance(ty, Custom) else width(ty)
