"""What must hold between the parts of a manifest: the same rules that the gate applies to the section at deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from detent.toolchain import attributes
from detent.toolchain.abi import Event, Function, StateField
from detent.toolchain.places import Places
from detent.toolchain.types import MAX_NESTING, Bytes, Custom, Map, Option, Struct, Text, Type, TypeDef, Vec, customs, width

MAX_KEYS = 3
MAX_INDEXED = 3


def check(
    places: Places,
    functions: tuple[Function, ...],
    events: tuple[Event, ...],
    state: tuple[StateField, ...],
    types: tuple[TypeDef, ...],
) -> None:
    """Reports everything that does not hold."""
    known = {ty.name: ty for ty in types}
    _functions(places, functions, known)
    _events(places, events, known)
    _state(places, state, known)
    _types(places, types, known)


def _functions(places: Places, functions: tuple[Function, ...], known: Mapping[str, TypeDef]) -> None:
    for function in functions:
        place = f"functions.{function.name}"
        for reason in attributes.illegal(function.attributes):
            places.report(f"{place}.attributes", reason)
        for reason in attributes.risky(function.attributes):
            places.warn(f"{place}.attributes", reason)
        for i, param in enumerate(function.params):
            _declared(places, f"{place}.inputs[{i}]", param.type, known)
        if function.returns is not None:
            _declared(places, f"{place}.outputs[0]", function.returns, known)
        if "receive" in function.attributes and function.params:
            places.report(f"{place}.inputs", "receive runs without calldata: no inputs")
    for attribute in attributes.UNIQUE:
        holders = [function.name for function in functions if attribute in function.attributes]
        for name in holders[1:]:
            places.report(f"functions.{name}.attributes", f"{attribute} is taken by {holders[0]}")


def _events(places: Places, events: tuple[Event, ...], known: Mapping[str, TypeDef]) -> None:
    for event in events:
        place = f"events.{event.name}.fields"
        if sum(event.indexed) > MAX_INDEXED:
            places.report(place, f"{sum(event.indexed)} indexed fields, at most {MAX_INDEXED}")
        for i, (param, indexed) in enumerate(zip(event.params, event.indexed, strict=True)):
            _declared(places, f"{place}.{param.name}", param.type, known)
            if indexed and (i >= 8 or width(param.type) is None):
                places.report(f"{place}.{param.name}", "only integers, bool, address and bytes32 among the first 8 fields can be indexed")


def _state(places: Places, state: tuple[StateField, ...], known: Mapping[str, TypeDef]) -> None:
    for field in state:
        place = f"state.schema.{field.name}"
        if len(field.keys) > MAX_KEYS:
            places.report(place, f"{len(field.keys)} keys, at most {MAX_KEYS}")
        for key in field.keys:
            if width(key) is None and not isinstance(key, Bytes | Text):
                places.report(place, f"{key} cannot be a key: keys are integers, bool, address, bytes32, bytes and string")
        _declared(places, place, field.value, known)
        match field.value:
            case Vec(item) if width(item) is None:
                places.report(place, f"{field.value} cannot be stored: items need one width; use a map from uint64")
            case Option() | Map():
                places.report(place, f"{field.value} cannot be stored: a field that was never written is absent already")
    for one, other in _overlaps(state):
        places.warn(f"state.schema.{one}", f"a key of {one} can name the same slot as {other}: rename one so that neither begins the other")


def _overlaps(state: tuple[StateField, ...]) -> Iterator[tuple[str, str]]:
    """Slots are hashes of name and keys without separators: field ``ab`` with key ``c`` is field ``a`` with key ``bc``."""
    for one in state:
        for other in state:
            extra = len(other.name) - len(one.name)
            if extra <= 0 or not one.keys or not other.name.startswith(one.name):
                continue
            mine, theirs = _key_width(one), _key_width(other)
            # A key of varying length begins with that length, which four letters of a name cannot be.
            if mine == extra + theirs if mine is not None and theirs is not None else extra < 4 or isinstance(mine, int):
                yield one.name, other.name


def _key_width(field: StateField) -> int | None:
    widths = [width(key) for key in field.keys]
    return None if None in widths else sum(w for w in widths if w is not None)


def _types(places: Places, types: tuple[TypeDef, ...], known: Mapping[str, TypeDef]) -> None:
    for ty in types:
        place = f"types.{ty.name}"
        if not isinstance(ty, Struct):
            if len(ty.variants) > 256:
                places.report(place, f"{len(ty.variants)} variants, at most 256")
            continue
        for field in ty.fields:
            _declared(places, f"{place}.fields.{field.name}", field.type, known)
        if _reaches(ty, ty.name, known):
            places.report(place, "contains itself")
        elif _too_deep(Custom(ty.name), known):
            places.report(place, f"nests deeper than {MAX_NESTING} levels")


def _too_deep(ty: Type, known: Mapping[str, TypeDef]) -> bool:
    """Whether a type has more than :data:`MAX_NESTING` levels; a type that contains itself has."""

    @cache
    def fits(ty: Type, left: int) -> bool:
        if left == 0:
            return False
        match ty:
            case Vec(item) | Option(item):
                return fits(item, left - 1)
            case Map(key, value):
                return fits(key, left - 1) and fits(value, left - 1)
            case Custom(name):
                definition = known.get(name)
                fields = definition.fields if isinstance(definition, Struct) else ()
                return all(fits(field.type, left - 1) for field in fields)
            case _:
                return True

    return not fits(ty, MAX_NESTING)


def _reaches(start: TypeDef, goal: str, known: Mapping[str, TypeDef]) -> bool:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        ty = waiting.pop()
        for field in ty.fields if isinstance(ty, Struct) else ():
            for name in customs(field.type):
                if name == goal:
                    return True
                if name in known and name not in seen:
                    seen.add(name)
                    waiting.append(known[name])
    return False


def _declared(places: Places, place: str, ty: Type, known: Mapping[str, TypeDef]) -> None:
    for name in customs(ty):
        if name not in known:
            places.report(place, f"the type {name} is not declared under types")
    if not isinstance(ty, Custom) and _too_deep(ty, known):
        places.report(place, f"nests deeper than {MAX_NESTING} levels")
