"""The name section with functions' names alone, as people write them.

Compilers put hashes into symbols that depend on the folder of the build; without them the module is the same wherever it is built,
and traces read better.
"""

from __future__ import annotations

import re

from detent.toolchain.wasm import leb, read_names, write_name

SECTION = "name"
_FUNCTIONS = 1
_LEGACY = re.compile(r"_ZN(?P<path>(?:\d+.+)+)E")
_HASH = re.compile(r"h[0-9a-f]{16}")
_ESCAPES = {"$LT$": "<", "$GT$": ">", "$RF$": "&", "$BP$": "*", "$C$": ",", "$u20$": " ", "$u7b$": "{", "$u7d$": "}", "..": "::"}


def plain(section: bytes) -> bytes:
    """The section with demangled functions' names and nothing else."""
    names = read_names(section, _FUNCTIONS)
    body = leb(len(names)) + b"".join(leb(index) + write_name(demangle(name)) for index, name in names)
    return bytes([_FUNCTIONS]) + leb(len(body)) + body


def demangle(symbol: str) -> str:
    """A Rust symbol of the legacy scheme without its hash; any other text as it is."""
    match = _LEGACY.fullmatch(symbol)
    if match is None:
        return symbol
    parts, rest = [], match["path"]
    while rest:
        digits = re.match(r"\d+", rest)
        if digits is None:
            return symbol
        end = digits.end() + int(digits[0])
        if end > len(rest):
            return symbol
        parts.append(rest[digits.end() : end])
        rest = rest[end:]
    if len(parts) > 1 and _HASH.fullmatch(parts[-1]):
        parts.pop()
    text = "::".join(part.removeprefix("_") if part.startswith("_$") else part for part in parts)
    for code, character in _ESCAPES.items():
        text = text.replace(code, character)
    return text
