"""Contracts as Python objects: methods, arguments, results and events from the ABI section."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detent import codec
from detent.accounts import ADDRESS_BYTES, Account, as_address
from detent.errors import DetentError, error
from detent.receipts import DecodedEvent, Receipt
from detent.stages import load
from detent.toolchain import abi as section
from detent.toolchain.types import Address, Int
from detent.toolchain.wasm import custom_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from detent import _core
    from detent.chain import Chain
    from detent.toolchain.abi import ContractAbi, Event, Function
    from detent.toolchain.types import Type

    Source = bytes | str | PathLike[str]

Encoder = "Callable[[Sequence[Any]], bytes]"


def load_contract(source: Source) -> bytes:
    """A contract's bytes: a project folder is built first, everything else is read (see :func:`detent.stages.load`)."""
    if not isinstance(source, bytes):
        path = Path(source)
        if len(str(source)) < 4096 and path.is_dir():
            from detent.toolchain import build  # noqa: PLC0415 - only projects need a compiler

            return build(path).wasm.read_bytes()
    return load(source)


def encode_call(function: str, calldata: bytes) -> bytes:
    """Transaction data of a call: u32 length and name, u32 length and calldata."""
    name = function.encode()
    return b"".join((len(name).to_bytes(4, "little"), name, len(calldata).to_bytes(4, "little"), calldata))


def encode_deploy(name: str, code: bytes, init: bytes) -> bytes:
    """Transaction data of a deployment: name, module, kind (0, a contract), constructor calldata."""
    text = name.encode()
    parts = (len(text).to_bytes(4, "little"), text, len(code).to_bytes(4, "little"), code, b"\0", len(init).to_bytes(4, "little"), init)
    return b"".join(parts)


def _one(ty: Type, types: Any) -> Callable[[Any], bytes]:
    """The encoder of one argument; the types that most calls use without a look at the type each time."""
    match ty:
        case Int(bits, signed):
            size, low, high = bits // 8, -(1 << bits - 1) if signed else 0, 1 << bits - signed

            def integer(value: Any) -> bytes:
                if type(value) is int and low <= value < high:
                    return value.to_bytes(size, "little", signed=signed)
                return codec.encode(ty, value, types)

            return integer
        case Address():

            def address(value: Any) -> bytes:
                if type(value) is Account:
                    return value.address
                if type(value) is bytes and len(value) == ADDRESS_BYTES:
                    return value
                return as_address(value)

            return address
    return lambda value: codec.encode(ty, value, types)


class Interface:
    """What a contract's ABI section says, ready to encode and decode."""

    def __init__(self, abi: ContractAbi) -> None:
        self.abi = abi
        self.name = abi.name
        self._types = abi.custom_types()
        self._functions: dict[str, Function] = {function.name: function for function in abi.functions}
        self._events: dict[bytes, Event] = {event.topic: event for event in abi.events}
        self._encoders: dict[str, Callable[[Sequence[Any]], bytes]] = {}

    @staticmethod
    @cache
    def of(code: bytes) -> Interface:
        """The interface of a module; refuses one without an ABI section (``abi_unreadable``)."""
        found = [content for name, content in custom_sections(code) if name == section.SECTION]
        if len(found) != 1:
            raise error(
                "abi_unreadable", f"the module has {len(found)} sections named {section.SECTION}, one is needed: build it with detent build"
            )
        return Interface(section.decode(found[0]))

    def function(self, name: str) -> Function:
        """The function of that name, or ``function_unknown``."""
        found = self._functions.get(name)
        if found is None:
            raise error("function_unknown", f"{self.name} has no function {name!r}; it has {', '.join(sorted(self._functions))}")
        return found

    @property
    def functions(self) -> list[str]:
        """Names of all functions."""
        return sorted(self._functions)

    def parameter_types(self, name: str) -> list[str]:
        """Names of a function's parameter types."""
        return [str(param.type) for param in self.function(name).params]

    def constructor_types(self) -> list[str]:
        """Names of the constructor's parameter types."""
        constructor = self.abi.constructor
        return [str(param.type) for param in constructor.params] if constructor else []

    def encoder(self, name: str) -> Callable[[Sequence[Any]], bytes]:
        """A function from arguments to calldata."""
        made = self._encoders.get(name)
        if made is None:
            made = self._encoders[name] = self._make(self.function(name))
        return made

    def _make(self, function: Function) -> Callable[[Sequence[Any]], bytes]:
        parts = [_one(param.type, self._types) for param in function.params]
        count = len(parts)

        def encode(args: Sequence[Any]) -> bytes:
            if len(args) != count:
                kinds = ", ".join(str(param.type) for param in function.params)
                raise error("argument_wrong", f"{function.name} takes {count} arguments ({kinds}), not {len(args)}")
            return b"".join([part(arg) for part, arg in zip(parts, args, strict=True)])

        return encode

    def encode_constructor(self, args: Sequence[Any]) -> bytes:
        """The constructor's calldata; without a constructor there are no arguments."""
        constructor = self.abi.constructor
        if constructor is None:
            if args:
                raise error("argument_wrong", f"{self.name} has no constructor, so it takes no arguments")
            return b""
        return self.encoder(constructor.name)(args)

    def decode_result(self, name: str, output: bytes) -> Any:
        """A function's result from its return bytes; ``None`` for a function without one."""
        returns = self.function(name).returns
        return None if returns is None else codec.decode(returns, output, self._types)

    def decode_event(self, event: _core.Event) -> DecodedEvent | None:
        """An event by name and fields, if the ABI declares it and it has the declared shape."""
        topics = event.topics
        declared = self._events.get(topics[0]) if topics else None
        if declared is None:
            return None
        fields: dict[str, Any] = {}
        at = 1
        try:
            data, rest = [], event.data
            for param, indexed in zip(declared.params, declared.indexed, strict=True):
                if indexed:
                    fields[param.name] = codec.decode_topic(param.type, topics[at])
                    at += 1
                else:
                    fields[param.name] = None
                    data.append(param)
            values = codec.decode_all([param.type for param in data], rest, self._types)
        except (DetentError, IndexError):
            return None
        fields.update(zip((param.name for param in data), values, strict=True))
        return DecodedEvent(declared.name, fields, event)


class _Method:
    """A function of a contract: ``token.transfer(bob, 5, sender=alice)``."""

    __slots__ = ("_address", "_chain", "_encode", "_execute", "_head", "_interface", "_name", "_view")

    def __init__(self, contract: Contract, function: Function) -> None:
        self._chain = contract.chain
        self._address = contract.address
        self._interface = contract.interface
        self._name = function.name
        self._view = function.view
        self._encode = contract.interface.encoder(function.name)
        self._execute = contract.chain._execute
        name = function.name.encode()
        self._head = len(name).to_bytes(4, "little") + name

    def __call__(self, *args: Any, sender: Account | bytes | str | None = None, value: int = 0, gas: int = 10_000_000) -> Any:
        calldata = self._encode(args)
        if sender is None:
            if not self._view:
                raise error("not_a_view", f"{self._name} changes state")
            receipt = self._chain.view(self._address, self._name, calldata, gas=gas)
            done = Receipt(receipt.core, self._interface, self._name)
            if not done.ok:
                raise error("view_failed", f"{self._name}: {done.reason or done.outcome}")
            return done.value
        who = sender.address if type(sender) is Account else as_address(sender)
        data = self._head + len(calldata).to_bytes(4, "little") + calldata
        return Receipt(self._execute(who, self._address, value, data, gas, 0), self._interface, self._name)

    def __repr__(self) -> str:
        kinds = ", ".join(self._interface.parameter_types(self._name))
        return f"<{self._interface.name}.{self._name}({kinds}){' view' if self._view else ''}>"


class Contract:
    """A deployed contract. Its functions are methods: with ``sender`` they are transactions and give a :class:`Receipt`;
    views without ``sender`` give their value."""

    def __init__(self, chain: Chain, address: bytes, interface: Interface, receipt: Receipt | None = None) -> None:
        self.chain = chain
        self.address = address
        self.interface = interface
        #: The receipt of its deployment, when this object comes from one.
        self.receipt = receipt

    def __getattr__(self, name: str) -> _Method:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            function = self.interface.function(name)
        except DetentError as problem:
            raise AttributeError(problem.detail) from None
        method = _Method(self, function)
        self.__dict__[name] = method
        return method

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.interface.functions})

    def transact(self, function: str, *args: Any, sender: Account | bytes | str, value: int = 0, gas: int = 10_000_000) -> Receipt:
        """Calls any function in a transaction; for names that Python or this class use otherwise."""
        found = _Method(self, self.interface.function(function))(*args, sender=sender, value=value, gas=gas)
        assert isinstance(found, Receipt)
        return found

    def view(self, function: str, *args: Any, sender: Account | bytes | str = bytes(32), gas: int = 10_000_000) -> Receipt:
        """Runs any function on the current state and drops what it did."""
        receipt = self.chain.view(self.address, function, self.interface.encoder(function)(args), sender=sender, gas=gas)
        return Receipt(receipt.core, self.interface, function)

    @property
    def balance(self) -> int:
        """Native balance, quanta."""
        return self.chain.balance(self.address)

    def __repr__(self) -> str:
        return f"<Contract {self.interface.name} 0x{self.address.hex()}>"
