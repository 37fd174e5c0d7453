"""Values as contracts see them: borsh of arguments, results, storage and events, by declared type.

| type | Python value | also taken when encoding |
|---|---|---|
| ``uint8`` ... ``int128`` | ``int`` | |
| ``bool`` | ``bool`` | |
| ``address``, ``bytes32`` | ``bytes`` of 32 | ``0x`` hex, anything with an ``address`` |
| ``bytes`` | ``bytes`` | ``bytearray``, ``memoryview``, ``0x`` hex |
| ``string`` | ``str`` | |
| ``vec(T)`` | ``list`` | ``tuple``; bytes for ``vec(uint8)`` |
| ``option(T)`` | ``None`` or the value | |
| a struct | ``dict`` of its fields | a ``list`` or ``tuple`` in the order of the fields |
| an enum | the variant's name | |

Every function raises :class:`detent.errors.EncodingError`: D601 for a value of another kind, D602 for one that does not fit, D603 for
bytes that are not exactly the type's, D604 for a type that is not known; ``at`` names the place inside the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detent.errors import EncodingError
from detent.toolchain.borsh import BorshError, Reader, blob, integer, string
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
    Struct,
    Text,
    Type,
    TypeDef,
    Vec,
    parse_type,
    width,
)

Types = Mapping[str, TypeDef]
"""Custom types by name: :meth:`detent.toolchain.abi.ContractAbi.custom_types`."""

_NO_TYPES: Types = {}


def encode(ty: Type | str, value: object, types: Types = _NO_TYPES) -> bytes:
    """A value's bytes."""
    return _encode(_type(ty), value, types, "", 0)


def decode(ty: Type | str, data: bytes, types: Types = _NO_TYPES) -> Any:
    """The value that exactly these bytes are."""
    return decode_all([ty], data, types)[0]


def encode_all(kinds: Sequence[Type | str], values: Sequence[object], types: Types = _NO_TYPES) -> bytes:
    """Several values' bytes, concatenated: the calldata of a call."""
    if len(kinds) != len(values):
        raise EncodingError("value_type", f"{len(values)} values for {len(kinds)} types ({', '.join(map(str, kinds))})")
    return b"".join(_encode(_type(ty), value, types, f"[{i}]", 0) for i, (ty, value) in enumerate(zip(kinds, values, strict=True)))


def decode_all(kinds: Sequence[Type | str], data: bytes, types: Types = _NO_TYPES) -> list[Any]:
    """The values that exactly these bytes are, one behind the other."""
    reader = Reader(data)
    try:
        values = [_decode(_type(ty), reader, types, 0) for ty in kinds]
        reader.finish()
    except BorshError as error:
        raise EncodingError("value_bytes", f"{error}, reading {', '.join(map(str, kinds)) or 'nothing'}") from error
    return values


def encode_stored(ty: Type | str, value: object, types: Types = _NO_TYPES) -> bytes:
    """A value's bytes in storage, as contracts in Rust write them: ``bytes`` and ``string`` without their length."""
    kind = _type(ty)
    coded = _encode(kind, value, types, "", 0)
    return coded[4:] if isinstance(kind, Bytes | Text) else coded


def decode_stored(ty: Type | str, data: bytes, types: Types = _NO_TYPES) -> Any:
    """The value of stored bytes, as contracts in Rust write them."""
    kind = _type(ty)
    return decode(kind, blob(data) if isinstance(kind, Bytes | Text) else data, types)


def encode_topic(ty: Type | str, value: object) -> bytes:
    """An indexed field as a topic: its bytes, then zeros to 32."""
    kind = _type(ty)
    if width(kind) is None:
        raise EncodingError("value_type", f"{kind} cannot be indexed")
    return encode(kind, value).ljust(32, b"\0")


def decode_topic(ty: Type | str, topic: bytes) -> Any:
    """An indexed field from its topic. Little-endian integers with zeros behind are the rule; big-endian ones with zeros before are
    what some documents describe, and are told apart by where the zeros are."""
    kind = _type(ty)
    size = width(kind)
    if size is None or len(topic) != 32:
        raise EncodingError("value_bytes", f"{len(topic)} bytes are not a topic of {kind}")
    head, tail = topic[:size], topic[-size:]
    if not any(topic[size:]):
        return decode(kind, head)
    if not any(topic[:-size]):
        return decode(kind, tail[::-1])
    raise EncodingError("value_bytes", f"the topic has more than the {size} bytes of {kind}")


def _type(ty: Type | str) -> Type:
    return parse_type(ty) if isinstance(ty, str) else ty


def _wrong(ty: Type, value: object, at: str) -> EncodingError:
    return EncodingError("value_type", f"{ty} cannot be made of {type(value).__name__} {_short(value)}", at or None)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _encode(ty: Type, value: object, types: Types, at: str, depth: int) -> bytes:
    if depth >= MAX_NESTING:
        raise EncodingError("type_unknown", f"{ty} nests deeper than {MAX_NESTING}", at or None)
    deeper = depth + 1
    match ty:
        case Int(bits, signed):
            if not isinstance(value, int) or isinstance(value, bool):
                raise _wrong(ty, value, at)
            try:
                return integer(value, bits // 8, signed=signed)
            except OverflowError:
                low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
                raise EncodingError("value_range", f"{value} is not in {low} to {high} of {ty}", at or None) from None
        case Bool():
            if not isinstance(value, bool):
                raise _wrong(ty, value, at)
            return b"\1" if value else b"\0"
        case Address():
            return _fixed(ty, getattr(value, "address", value), 32, at)
        case FixedBytes(size):
            return _fixed(ty, value, size, at)
        case Bytes():
            return blob(_raw(ty, value, at))
        case Text():
            if not isinstance(value, str):
                raise _wrong(ty, value, at)
            try:
                return string(value)
            except UnicodeEncodeError as error:
                raise EncodingError("value_range", f"{_short(value)} has no UTF-8", at or None) from error
        case Vec(item):
            if isinstance(value, bytes | bytearray) and item == Int(8):
                return blob(bytes(value))
            if not isinstance(value, list | tuple):
                raise _wrong(ty, value, at)
            parts = (_encode(item, one, types, f"{at}[{i}]", deeper) for i, one in enumerate(value))
            return integer(len(value), 4) + b"".join(parts)
        case Option(item):
            return b"\0" if value is None else b"\1" + _encode(item, value, types, at, deeper)
        case Map(key, item):
            if not isinstance(value, Mapping):
                raise _wrong(ty, value, at)
            _need_plain(key)
            pairs = [
                (_encode(key, k, types, f"{at}.key", deeper), _encode(item, v, types, f"{at}[{k!r}]", deeper)) for k, v in value.items()
            ]
            return integer(len(pairs), 4) + b"".join(k + v for k, v in sorted(pairs, key=lambda pair: _order(key, pair[0])))
        case Custom(name):
            return _encode_custom(_lookup(name, types, at), value, types, at, deeper)


def _encode_custom(definition: TypeDef, value: object, types: Types, at: str, depth: int) -> bytes:
    name = Custom(definition.name)
    match definition:
        case Enum(_, variants):
            if not isinstance(value, str):
                raise _wrong(name, value, at)
            if value not in variants:
                raise EncodingError("value_range", f"{value!r} is not one of {', '.join(variants)}", at or None)
            return integer(variants.index(value), 1)
        case Struct(_, fields):
            names = [field.name for field in fields]
            if isinstance(value, list | tuple):
                if len(value) != len(names):
                    raise EncodingError("value_range", f"{len(value)} values for the {len(names)} fields of {name}", at or None)
                value = dict(zip(names, value, strict=True))
            if not isinstance(value, Mapping):
                raise _wrong(name, value, at)
            odd = sorted({*map(str, value), *names} - ({*map(str, value)} & {*names}))
            if odd:
                raise EncodingError(
                    "value_range", f"the fields of {name} are {', '.join(names)}; not there or too many: {', '.join(odd)}", at or None
                )
            return b"".join(_encode(field.type, value[field.name], types, f"{at}.{field.name}".lstrip("."), depth) for field in fields)


def _fixed(ty: Type, value: object, size: int, at: str) -> bytes:
    raw = _raw(ty, value, at)
    if len(raw) != size:
        raise EncodingError("value_range", f"{ty} is {size} bytes, not {len(raw)}", at or None)
    return raw


def _raw(ty: Type, value: object, at: str) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str) and value[:2] == "0x" and value[2:].isalnum() | (value == "0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise _wrong(ty, value, at)


def _lookup(name: str, types: Types, at: str = "") -> TypeDef:
    found = types.get(name)
    if found is None:
        raise EncodingError("type_unknown", f"the type {name} is not declared", at or None)
    if isinstance(found, Struct) and not found.fields:
        # Values of no bytes would let a few bytes of another tool's section ask for any amount of work.
        raise EncodingError("type_unknown", f"the type {name} has no fields", at or None)
    return found


def _need_plain(key: Type) -> None:
    if width(key) is None and not isinstance(key, Text | Bytes):
        raise EncodingError("type_unknown", f"{key} cannot be the key of a map")


def _order(key: Type, coded: bytes) -> int | bytes:
    """Maps are written in the order of their keys: integers by value, texts and bytes by their bytes."""
    match key:
        case Int(_, signed):
            return int.from_bytes(coded, "little", signed=signed)
        case Text() | Bytes():
            return coded[4:]
        case _:
            return coded


def _decode(ty: Type, r: Reader, types: Types, depth: int) -> Any:
    if depth >= MAX_NESTING:
        raise EncodingError("type_unknown", f"{ty} nests deeper than {MAX_NESTING}")
    deeper = depth + 1
    match ty:
        case Int(bits, signed):
            return r.integer(bits // 8, signed=signed)
        case Bool():
            return r.flag()
        case Address():
            return r.take(32)
        case FixedBytes(size) if size:
            return r.take(size)
        case FixedBytes():
            raise EncodingError("type_unknown", "bytes of no length are not a value")
        case Bytes():
            return r.blob()
        case Text():
            return r.string()
        case Vec(item):
            return r.sequence(lambda: _decode(item, r, types, deeper))
        case Option(item):
            return _decode(item, r, types, deeper) if r.flag() else None
        case Map(key, item):
            _need_plain(key)
            found: dict[Any, Any] = {}
            last: int | bytes | None = None
            for start, k, v in r.sequence(lambda: (r.at, _decode(key, r, types, deeper), _decode(item, r, types, deeper))):
                order = _order(key, _encode(key, k, types, "", deeper))
                if last is not None and order <= last:  # type: ignore[operator] # one key type has one kind of order
                    raise BorshError(f"the keys of a map are not in order at offset {start}")
                found[k], last = v, order
            return found
        case Custom(name):
            match _lookup(name, types):
                case Enum(_, variants):
                    index = r.integer(1)
                    if index >= len(variants):
                        raise BorshError(f"variant {index} of {name}, which has {len(variants)}")
                    return variants[index]
                case Struct(_, fields):
                    return {field.name: _decode(field.type, r, types, deeper) for field in fields}
