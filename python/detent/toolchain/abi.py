"""The ``pyde.abi`` section: what a deployed module says about itself, byte for byte.

The layout is that of the published client's types, version 1.2 (``docs/manifest.md``, "What becomes of it"). Functions, events and
types are written in the order of their names, so that the section does not depend on the order of the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from detent.errors import ToolchainError
from detent.toolchain import attributes
from detent.toolchain.blake3 import blake3
from detent.toolchain.borsh import BorshError, Reader, integer, sequence, string
from detent.toolchain.types import (
    MAX_NESTING,
    Address,
    Bool,
    Bytes,
    Custom,
    Enum,
    FixedBytes,
    Int,
    Map,
    Option,
    Param,
    Struct,
    Text,
    Type,
    TypeDef,
    Vec,
    event_name,
)

VERSION = 0x00010002
SECTION = "pyde.abi"

_INTS = [Int(bits, signed) for signed in (False, True) for bits in (8, 16, 32, 64, 128)]
# Tags of parameter types; schema types agree to 11, then differ.
_PLAIN: list[Type] = [*_INTS, Bool(), Address(), Bytes(), Text()]
_SCALARS: list[Type] = [*_INTS, Bool(), Address(), FixedBytes(32), Bytes(), Text()]


@dataclass(frozen=True, slots=True)
class Function:
    """A public function."""

    name: str
    attributes: tuple[str, ...]
    params: tuple[Param, ...] = ()
    returns: Type | None = None

    @property
    def selector(self) -> bytes:
        """Four bytes of the name's hash; informational, calls go by name."""
        return blake3(self.name.encode())[:4]

    @property
    def view(self) -> bool:
        """Whether it promises not to change state."""
        return "view" in self.attributes


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its fields, and which of them are topics."""

    name: str
    params: tuple[Param, ...]
    indexed: tuple[bool, ...]

    @property
    def signature(self) -> str:
        """``Transfer(address,address,uint128)``."""
        return f"{self.name}({','.join(event_name(param.type) for param in self.params)})"

    @property
    def topic(self) -> bytes:
        """Topic 0: Blake3 of the signature."""
        return blake3(self.signature.encode())


@dataclass(frozen=True, slots=True)
class StateField:
    """A field of the state schema: a scalar without keys, a map with one to three."""

    name: str
    keys: tuple[Type, ...]
    value: Type


@dataclass(frozen=True, slots=True)
class ContractAbi:
    """A contract's interface, state schema and types."""

    name: str
    version: str
    functions: tuple[Function, ...]
    state: tuple[StateField, ...] = ()
    events: tuple[Event, ...] = ()
    types: tuple[TypeDef, ...] = ()
    parachain: bool = False
    abi_version: int = VERSION

    @property
    def constructor(self) -> Function | None:
        """Runs once, at deployment."""
        return self._only("constructor")

    def function(self, name: str) -> Function | None:
        """The function of a name."""
        return next((function for function in self.functions if function.name == name), None)

    def custom_types(self) -> Mapping[str, TypeDef]:
        """Custom types by name, as :mod:`detent.codec` wants them."""
        return {ty.name: ty for ty in self.types}

    def event_of(self, topic: bytes) -> Event | None:
        """The event of a topic 0."""
        return next((event for event in self.events if event.topic == topic), None)

    def _only(self, attribute: str) -> Function | None:
        return next((function for function in self.functions if attribute in function.attributes), None)

    def to_json(self) -> dict[str, Any]:
        """For people and other tools: the ``.abi.json`` beside a built module."""
        return {
            "name": self.name,
            "version": self.version,
            "abi_version": f"{self.abi_version >> 16}.{self.abi_version & 0xFFFF}",
            "functions": [
                {
                    "name": function.name,
                    "selector": function.selector.hex(),
                    "attributes": list(function.attributes),
                    "inputs": [{"name": param.name, "type": str(param.type)} for param in function.params],
                    "output": None if function.returns is None else str(function.returns),
                }
                for function in self.functions
            ],
            "state": [{"name": field.name, "keys": [str(key) for key in field.keys], "value": str(field.value)} for field in self.state],
            "events": [
                {
                    "name": event.name,
                    "signature": event.signature,
                    "topic": event.topic.hex(),
                    "fields": [
                        {"name": param.name, "type": str(param.type), "indexed": indexed}
                        for param, indexed in zip(event.params, event.indexed, strict=True)
                    ],
                }
                for event in self.events
            ],
            "types": [_type_json(ty) for ty in self.types],
        }


def encode(abi: ContractAbi) -> bytes:
    """The section's contents."""
    schema = _schema(abi.state)

    def index(attribute: str) -> bytes:
        found = abi._only(attribute)
        return b"\0" if found is None else b"\1" + integer(abi.functions.index(found), 4)

    return b"".join(
        (
            integer(abi.abi_version, 4),
            integer(int(abi.parachain), 1),
            sequence(abi.functions, _function),
            blake3(schema),
            *map(index, attributes.UNIQUE),
            string(abi.name),
            string(abi.version),
            sequence(abi.events, _event),
            integer(0, 4),  # parachain imports
            schema,
            sequence(abi.types, _type_def),
        )
    )


def decode(data: bytes) -> ContractAbi:
    """The section's contents, read strictly. Raises D708 with the offset. State schemas and types are there from 1.1 and 1.2 on."""
    reader = Reader(data)
    try:
        abi = _read(reader)
        reader.finish()
    except BorshError as error:
        raise ToolchainError("abi_unreadable", str(error)) from error
    return abi


def _read(r: Reader) -> ContractAbi:
    version = r.integer(4)
    if version >> 16 != VERSION >> 16 or version > VERSION:
        raise BorshError(f"version {version:#010x} is not one of 0x00010000 to {VERSION:#010x}")
    kind = r.flag()
    functions = tuple(r.sequence(lambda: _read_function(r)))
    r.take(32)  # hash of the schema: nothing depends on it
    for attribute in attributes.UNIQUE:
        index = r.option(lambda: r.integer(4))
        holders = [i for i, function in enumerate(functions) if attribute in function.attributes]
        if holders != ([] if index is None else [index]):
            raise BorshError(f"the {attribute} index says {index}, the attributes {holders}")
    name, text = r.string(), r.string()
    events = tuple(r.sequence(lambda: _read_event(r)))
    r.sequence(r.string)
    state = tuple(r.sequence(lambda: _read_field(r))) if version >= 0x00010001 else ()
    types = tuple(r.sequence(lambda: _read_type_def(r))) if version >= 0x00010002 else ()
    return ContractAbi(name, text, functions, state, events, types, kind, version)


def _function(function: Function) -> bytes:
    return b"".join(
        (
            function.selector,
            string(function.name),
            integer(attributes.to_bits(function.attributes), 4),
            sequence(function.params, _param),
            _optional_type(function.returns),
        )
    )


def _read_function(r: Reader) -> Function:
    selector, name, bits = r.take(4), r.string(), r.integer(4)
    names = attributes.from_bits(bits)
    if attributes.to_bits(names) != bits:
        raise BorshError(f"function {name!r} has unknown attribute bits {bits:#x}")
    function = Function(name, names, tuple(r.sequence(lambda: _read_param(r))), r.option(lambda: _read_type(r)))
    if function.selector != selector:
        raise BorshError(f"the selector of {name!r} is not the hash of its name")
    return function


def _event(event: Event) -> bytes:
    mask = sum(1 << i for i, indexed in enumerate(event.indexed) if indexed)
    return string(event.name) + sequence(event.params, _param) + integer(mask, 1)


def _read_event(r: Reader) -> Event:
    name, params, mask = r.string(), tuple(r.sequence(lambda: _read_param(r))), r.integer(1)
    if mask >> len(params):
        raise BorshError(f"event {name!r} indexes fields that it does not have")
    return Event(name, params, tuple(bool(mask >> i & 1) for i in range(len(params))))


def _param(param: Param) -> bytes:
    return string(param.name) + _type(param.type)


def _read_param(r: Reader) -> Param:
    return Param(r.string(), _read_type(r))


def _type(ty: Type) -> bytes:
    match ty:
        case FixedBytes(size):
            return b"\x0e" + integer(size, 4)
        case Vec(item):
            return b"\x0f" + _type(item)
        case Map(key, value):
            return b"\x10" + _type(key) + _type(value)
        case Option(item):
            return b"\x11" + _type(item)
        case Custom(name):
            return b"\x12" + string(name)
        case _:
            return integer(_PLAIN.index(ty), 1)


def _optional_type(ty: Type | None) -> bytes:
    return b"\0" if ty is None else b"\1" + _type(ty)


def _read_type(r: Reader, depth: int = 0) -> Type:
    if depth >= MAX_NESTING:
        raise BorshError(f"a type nests deeper than {MAX_NESTING}")
    tag = r.integer(1)
    makers: dict[int, Callable[[], Type]] = {
        14: lambda: FixedBytes(r.integer(4)),
        15: lambda: Vec(_read_type(r, depth + 1)),
        16: lambda: Map(_read_type(r, depth + 1), _read_type(r, depth + 1)),
        17: lambda: Option(_read_type(r, depth + 1)),
        18: lambda: Custom(r.string()),
    }
    if tag < len(_PLAIN):
        return _PLAIN[tag]
    if tag not in makers:
        raise BorshError(f"type tag {tag} at offset {r.at - 1}")
    return makers[tag]()


def _schema(state: tuple[StateField, ...]) -> bytes:
    return sequence(state, _field)


def _field(field: StateField) -> bytes:
    kind = b"\1" + sequence(field.keys, _scalar) if field.keys else b"\0"
    return string(field.name) + kind + _scalar(field.value)


def _read_field(r: Reader) -> StateField:
    name = r.string()
    keys = tuple(r.sequence(lambda: _read_scalar(r))) if r.flag() else ()
    return StateField(name, keys, _read_scalar(r))


def _scalar(ty: Type) -> bytes:
    match ty:
        case Vec(item):
            return b"\x0f" + _scalar(item)
        case Custom():
            return _scalar(Bytes())  # records are bytes to the host
        case _:
            return integer(_SCALARS.index(ty), 1)


def _read_scalar(r: Reader, depth: int = 0) -> Type:
    if depth >= MAX_NESTING:
        raise BorshError(f"a type nests deeper than {MAX_NESTING}")
    tag = r.integer(1)
    if tag < len(_SCALARS):
        return _SCALARS[tag]
    if tag != 15:
        raise BorshError(f"schema type tag {tag} at offset {r.at - 1}")
    return Vec(_read_scalar(r, depth + 1))


def _type_def(ty: TypeDef) -> bytes:
    match ty:
        case Struct(name, fields):
            return string(name) + b"\0" + sequence(fields, _param)
        case Enum(name, variants):
            return string(name) + b"\1" + sequence(variants, string)


def _read_type_def(r: Reader) -> TypeDef:
    name = r.string()
    if r.flag():
        return Enum(name, tuple(r.sequence(r.string)))
    return Struct(name, tuple(r.sequence(lambda: _read_param(r))))


def _type_json(ty: TypeDef) -> dict[str, Any]:
    match ty:
        case Struct(name, fields):
            return {"name": name, "fields": [{"name": field.name, "type": str(field.type)} for field in fields]}
        case Enum(name, variants):
            return {"name": name, "variants": list(variants)}
