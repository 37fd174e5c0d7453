"""Arguments from the command line to values of the ABI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from detent.accounts import as_address
from detent.errors import DetentError, error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detent.chain import Chain
    from detent.contracts import Contract


def who(text: str, chain: Chain) -> bytes:
    """An address: ``0x`` text, a deployed contract's name, or a development account's name."""
    if text.startswith("0x"):
        return as_address(text)
    try:
        return chain.contract(text).address
    except DetentError as problem:
        if problem.name != "contract_unknown":
            raise
    return chain.account(text).address


def parse(kind: str, text: str, chain: Chain) -> Any:
    """One argument by the name of its type (``uint128``, ``address``, ``bytes``, ``string``, ``bool``, else JSON)."""
    try:
        if kind.startswith(("uint", "int")):
            return int(text.replace("_", ""), 0)
        if kind == "bool":
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if kind == "address":
            return who(text, chain)
        if kind == "string":
            return text
        if kind.startswith("bytes"):
            return bytes.fromhex(text.removeprefix("0x"))
        return json.loads(text)
    except (ValueError, KeyError):
        raise error("argument_wrong", f"{text!r} is not a {kind}") from None


def arguments(contract: Contract, function: str, texts: Sequence[str], chain: Chain) -> list[Any]:
    """All arguments of a function."""
    kinds = contract.interface.parameter_types(function)
    if len(kinds) != len(texts):
        raise error("argument_wrong", f"{function} takes {len(kinds)} arguments ({', '.join(kinds)}), not {len(texts)}")
    return [parse(kind, text, chain) for kind, text in zip(kinds, texts, strict=True)]
