"""The ``pyde.sig.v1`` section: what the compiler says about each entry's types, compared with the manifest.

Guest libraries for Rust write one record an entry, ``name(Type,Type)->Type;``, in Rust's names. The section is for building only and
does not reach the packaged module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detent.errors import ToolchainError
from detent.toolchain.abi import ContractAbi
from detent.toolchain.types import Address, Bool, Bytes, Custom, FixedBytes, Int, Option, Text, Type, Vec

SECTION = "pyde.sig.v1"

_RECORD = re.compile(r"(?P<name>\w+)\((?P<params>.*)\)->(?P<result>.*)")
_PATH = re.compile(r"\b\w+::")
_BUILT_IN = re.compile(r"[ui](8|16|32|64|128|size)|bool|Address|Bytes|String|\[u8;\d+\]|(Vec|Option)<.*>")


def compare(section: bytes, abi: ContractAbi) -> Iterator[str]:
    """Differences between the records and the declared functions, as sentences. Raises D706 when there is no reading the records."""
    for name, params, result in _records(section):
        function = abi.function(name)
        if function is None:
            continue  # the comparison of exports reports it
        declared = [param.type for param in function.params]
        fits = len(params) == len(declared) and all(map(_fits, params, declared))
        if not fits or (result != "" if function.returns is None else not _fits(result, function.returns)):
            wanted = f"({', '.join(map(str, declared))})" + ("" if function.returns is None else f" -> {function.returns}")
            yield f"{name} is ({', '.join(params)})" + (f" -> {result}" if result else "") + f" in the code and {wanted} in the manifest"


def _records(section: bytes) -> Iterator[tuple[str, list[str], str]]:
    text = section.decode("utf-8", "replace")
    # `[u8;32]` holds a semicolon of its own.
    for record in re.split(r";(?!\s*\d+\])", text):
        if not record:
            continue
        match = _RECORD.fullmatch(record)
        if match is None:
            raise ToolchainError("module_unreadable", f"the record {record[:80]!r} of section {SECTION} is not name(Type,Type)->Type")
        yield match["name"], _split(match["params"]), _normal(match["result"])


def _normal(text: str) -> str:
    return _PATH.sub("", text.replace(" ", "")).removeprefix("&")


def _split(params: str) -> list[str]:
    """At commas outside of brackets."""
    found, depth, start = [], 0, 0
    for i, character in enumerate(params):
        depth += (character in "<([") - (character in ">)]")
        if character == "," and depth == 0:
            found.append(params[start:i])
            start = i + 1
    return [_normal(item) for item in (*found, params[start:]) if item]


def _fits(rust: str, ty: Type) -> bool:
    """Whether a Rust type can be the declared type. A name that is neither built in nor declared may be an alias: it passes."""
    if rust.startswith("Vec<") and isinstance(ty, Vec):
        return _fits(rust[4:-1], ty.item)
    if rust.startswith("Option<") and isinstance(ty, Option):
        return _fits(rust[7:-1], ty.item)
    return rust in _names(ty) or not (_BUILT_IN.fullmatch(rust) or rust == "")


def _names(ty: Type) -> tuple[str, ...]:
    match ty:
        case Int(bits, signed):
            return (f"{'i' if signed else 'u'}{bits}",)
        case Bool():
            return ("bool",)
        case Address():
            return ("Address", "[u8;32]")
        case FixedBytes(size):
            return (f"[u8;{size}]",)
        case Bytes():
            return ("Bytes", "Vec<u8>", "[u8]")
        case Text():
            return ("String", "str")
        case Custom(name):
            return (name,)
        case Vec(Int(8)):
            return ("Bytes",)
        case _:
            return ()
