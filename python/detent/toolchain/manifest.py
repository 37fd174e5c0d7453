"""``otigen.toml``: reads a project's manifest into data, strictly, and says everything that is wrong at once.

The accepted shape is ``docs/manifest.md``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detent.errors import EncodingError, ToolchainError
from detent.toolchain import attributes, checks
from detent.toolchain.abi import ContractAbi, Event, Function, StateField
from detent.toolchain.places import ManifestError, Places, Problem
from detent.toolchain.types import Custom, Enum, Param, Struct, Type, TypeDef, is_name, parse_type

FILE = "otigen.toml"
LANGUAGES = ("rust", "c", "as", "go")

_CONTRACT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_MAPPING = re.compile(r"mapping\((?P<key>[^=]*?)(=>|->)(?P<value>.*)\)", re.DOTALL)

_TOP = ("contract", "state", "functions", "events", "types", "deploy", "wallet", "network", "paths", "metadata", "parachain", "token")
# Tables that the toolchain passes over but whose shape it still holds people to.
_STRINGS = ("website", "logo_url", "repository_url", "documentation_url", "license", "declared_category")
_PASSIVE: dict[str, dict[str, type | tuple[type, ...]]] = {
    "deploy": {"gas_limit": int, "gas_price": (str, int), "owner_deposit": int},
    "wallet": {"default_keystore": str, "default_account": str},
    "paths": dict.fromkeys(("src", "tests", "target", "artifacts", "cache"), str),
    "metadata": {
        **dict.fromkeys(("name", "description", *_STRINGS, "twitter", "github", "telegram", "discord"), str),
        **dict.fromkeys(("authors", "tags"), list),
    },
}
_NETWORK: dict[str, type | tuple[type, ...]] = {"rpc_url": str, "chain_id": int, "explorer_url": str}
_TOOLCHAIN = ("rust_channel", "rust_toolchain", "asc_version", "tinygo_version", "clang_version")


@dataclass(frozen=True, slots=True)
class Language:
    """What the contract is written in and how it is compiled."""

    name: str
    output: str | None
    """Where the project's own compiler leaves the module, relative to the project; not needed for Rust."""
    stack_size: int
    """Linear-memory stack of a Rust contract, bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A project."""

    directory: Path
    description: str
    language: Language
    abi: ContractAbi
    """Records of state fields keep their names here; in the section they are bytes."""
    gas_limit: int | None
    """``deploy.gas_limit``."""
    tests: str
    """``paths.tests``."""
    warnings: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The contract's name, from which its address follows."""
        return self.abi.name


def load(project: Path | str) -> Manifest:
    """The manifest of a project directory, or of the manifest file itself. Raises D701 and D702."""
    path = Path(project)
    path = path / FILE if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ToolchainError("manifest_missing", str(error), str(path)) from error
    return parse(text, path)


def parse(text: str, path: Path = Path(FILE)) -> Manifest:
    """The manifest of a text. Raises D702 with every problem."""
    places = Places(text)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides malformed TOML: numbers and nesting beyond Python's own limits
        raise ManifestError([Problem("TOML", None, str(error))], str(path)) from error
    manifest = _Parser(places).manifest(document, path.parent)
    if manifest is None or places.problems:
        raise ManifestError(sorted(places.problems, key=lambda problem: problem.line or 0), str(path))
    return manifest


class _Parser:
    """Every method reports what is wrong and goes on with what can be used."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def manifest(self, document: Mapping[str, Any], directory: Path) -> Manifest | None:
        self.places.unknown("", document, _TOP, "table")
        contract = self.table(document, "contract")
        name = self.contract_name(contract)
        version = self.value(contract, "contract", "version", str, "")
        if version is not None and not _SEMVER.fullmatch(version):
            self.places.report("contract.version", f"{version!r} is not a version such as 1.0.0")
        description = self.value(contract, "contract", "description", str, "") or ""
        if len(description) > 200:
            self.places.report("contract.description", f"{len(description)} characters, at most 200")
        self.kind(document, contract)
        self.places.unknown("contract", contract, ("name", "version", "description", "type", "standard", "lang"))
        language = self.language(contract)
        types = self.types(self.table(document, "types", optional=True))
        functions = self.functions(self.table(document, "functions"))
        events = self.events(self.table(document, "events", optional=True))
        state = self.state(self.table(document, "state", optional=True))
        deploy, paths = self.passive(document)
        checks.check(self.places, functions, events, state, types)
        if self.places.problems or name is None or version is None or language is None:
            return None
        abi = ContractAbi(name, version, functions, state, events, types)
        return Manifest(
            directory, description, language, abi, deploy.get("gas_limit"), paths.get("tests", "tests"), tuple(self.places.warnings)
        )

    def table(self, document: Mapping[str, Any], name: str, *, optional: bool = False) -> Mapping[str, Any]:
        found = document.get(name)
        if found is None and not optional:
            self.places.report(name, "the table is missing")
        elif found is not None and not isinstance(found, dict):
            self.places.report(name, "must be a table")
        return found if isinstance(found, dict) else {}

    def value(self, table: Mapping[str, Any], place: str, key: str, kind: type, default: Any = None) -> Any:
        """A key's value; ``default`` None makes it optional, otherwise a missing key is reported and None is given."""
        found = table.get(key)
        if found is None:
            if default is not None and key != "description" and table:
                self.places.report(f"{place}.{key}", "is missing")
            return None
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            self.places.report(f"{place}.{key}", f"must be {_KIND[kind]}")
            return None
        return found

    def contract_name(self, contract: Mapping[str, Any]) -> str | None:
        name = self.value(contract, "contract", "name", str, "")
        if name is None:
            return None
        if not 3 <= len(name) <= 32 or not _CONTRACT_NAME.fullmatch(name):
            self.places.report("contract.name", f"{name!r} is not 3 to 32 of a-z, 0-9 and single inner dashes")
            return None
        return str(name)

    def kind(self, document: Mapping[str, Any], contract: Mapping[str, Any]) -> None:
        kind = self.value(contract, "contract", "type", str) or "contract"
        if kind in ("parachain", "token"):
            self.places.report("contract.type", f"{kind} projects are not supported: write a contract")
        elif kind != "contract":
            self.places.report("contract.type", f"{kind!r} is not contract")
        for name in ("parachain", "token"):
            if name in document and kind == "contract":
                self.places.report(name, f"belongs to {name} projects, which are not supported")
        if "standard" in contract and kind == "contract":
            self.places.report("contract.standard", "belongs to token projects, which are not supported")

    def language(self, contract: Mapping[str, Any]) -> Language | None:
        lang = contract.get("lang")
        if not isinstance(lang, dict):
            self.places.report("contract.lang", "the table is missing")
            return None
        self.places.unknown("contract.lang", lang, ("language", "output", "toolchain"))
        name = self.value(lang, "contract.lang", "language", str, "")
        if name is not None and name not in LANGUAGES:
            self.places.report("contract.lang.language", f"{name!r} is not one of {', '.join(LANGUAGES)}")
        output = self.value(lang, "contract.lang", "output", str)
        if name in LANGUAGES and name != "rust" and not output:
            self.places.report("contract.lang.output", "is missing: where the compiler leaves the module")
        if output and (Path(output).is_absolute() or ".." in Path(output).parts):
            self.places.report("contract.lang.output", "must be a path inside the project")
        toolchain = lang.get("toolchain", {})
        place = "contract.lang.toolchain"
        if not isinstance(toolchain, dict):
            self.places.report(place, "must be a table")
            toolchain = {}
        self.places.unknown(place, toolchain, (*_TOOLCHAIN, "stack_size"))
        for key in _TOOLCHAIN:
            self.value(toolchain, place, key, str)
        stack = self.value(toolchain, place, "stack_size", int)
        if stack is not None and (not 256 <= stack <= 1 << 20 or stack % 16):
            self.places.report(f"{place}.stack_size", "must be 256 to 1048576 bytes and a multiple of 16")
        return None if name is None else Language(name, output, 16384 if stack is None else stack)

    def types(self, table: Mapping[str, Any]) -> tuple[TypeDef, ...]:
        found: list[TypeDef] = []
        for name, body in sorted(table.items()):
            place = f"types.{name}"
            if not is_name(name) or not name[0].isupper():
                self.places.report(place, "a type's name is an identifier that begins with a capital")
            if not isinstance(body, dict) or ("fields" in body) == ("variants" in body):
                self.places.report(place, "must have either fields or variants")
                continue
            self.places.unknown(place, body, ("fields", "variants"))
            if "fields" in body:
                entries = self.entries(body, place, "fields", ("name", "type"))
                found.append(Struct(name, tuple(Param(key, ty) for key, entry in entries if (ty := self.type(entry, f"{place}.{key}")))))
            else:
                found.append(Enum(name, tuple(key for key, _ in self.entries(body, place, "variants", ("name",)))))
        return tuple(found)

    def functions(self, table: Mapping[str, Any]) -> tuple[Function, ...]:
        found: list[Function] = []
        for name, body in sorted(table.items()):
            place = f"functions.{name}"
            if not is_name(name) or name.startswith("_"):
                self.places.report(place, "a function's name is an identifier that does not begin with _")
            if not isinstance(body, dict):
                self.places.report(place, "must be a table")
                continue
            self.places.unknown(place, body, ("attributes", "inputs", "outputs", "access_list"))
            names = self.strings(body, place, "attributes", required=True)
            self.places.unknown(f"{place}.attributes", names, attributes.BITS, "attribute")
            inputs = self.type_list(body, place, "inputs")
            outputs = self.type_list(body, place, "outputs")
            if len(outputs) > 1:
                self.places.report(f"{place}.outputs", "at most one: return a struct of types instead")
            self.strings(body, place, "access_list")
            params = tuple(Param(f"arg{i}", ty) for i, ty in enumerate(inputs))
            ordered = tuple(name for name in attributes.BITS if name in names)
            found.append(Function(name, ordered, params, outputs[0] if outputs else None))
        return tuple(found)

    def events(self, table: Mapping[str, Any]) -> tuple[Event, ...]:
        found: list[Event] = []
        for name, body in sorted(table.items()):
            place = f"events.{name}"
            if not is_name(name):
                self.places.report(place, "an event's name is an identifier")
            if not isinstance(body, dict):
                self.places.report(place, "must be a table")
                continue
            self.places.unknown(place, body, ("signature", "fields"))
            params, indexed = [], []
            for key, entry in self.entries(body, place, "fields", ("name", "type", "indexed"), empty=True):
                ty = self.type(entry, f"{place}.fields.{key}")
                if ty is not None:
                    params.append(Param(key, ty))
                    indexed.append(bool(self.value(entry, f"{place}.fields.{key}", "indexed", bool)))
            event = Event(name, tuple(params), tuple(indexed))
            signature = self.value(body, place, "signature", str)
            if signature is not None and signature != event.signature:
                self.places.report(f"{place}.signature", f"{signature!r} does not match the fields: {event.signature}")
            found.append(event)
        return tuple(found)

    def state(self, table: Mapping[str, Any]) -> tuple[StateField, ...]:
        self.places.unknown("state", table, ("schema",))
        found: list[StateField] = []
        for name, entry in self.entries(table, "state", "schema", ("name", "type", "keys", "value"), empty=True):
            place = f"state.schema.{name}"
            kind = self.value(entry, place, "type", str, "")
            if kind is None:
                continue
            if kind == "map":
                keys, value = self.type_list(entry, place, "keys"), self.type(entry, place, "value")
                if not entry.get("keys"):
                    self.places.report(f"{place}.keys", "is missing: a map has one to three keys")
            else:
                if "keys" in entry or "value" in entry:
                    self.places.report(place, 'keys and value belong to type = "map"')
                keys, value = self.mapping(kind, place)
            if value is not None:
                found.append(StateField(name, tuple(keys), value))
        return tuple(found)

    def mapping(self, text: str, place: str) -> tuple[list[Type], Type | None]:
        """``mapping(K => V)``, nested or with several keys, or a plain type."""
        keys: list[Type] = []
        while match := _MAPPING.fullmatch(text.strip()):
            for key in match["key"].split(","):
                if (ty := self.parse(key, place)) is not None:
                    keys.append(ty)
            text = match["value"]
        return keys, self.parse(text, place)

    def passive(self, document: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        for name, keys in _PASSIVE.items():
            self.shape(self.table(document, name, optional=True), name, keys)
        networks = self.table(document, "network", optional=True)
        for name, body in networks.items():
            if isinstance(body, dict):
                self.shape(body, f"network.{name}", {"name": str} if name == "default" else _NETWORK)
            else:
                self.places.report(f"network.{name}", "must be a table")
        return self.table(document, "deploy", optional=True), self.table(document, "paths", optional=True)

    def shape(self, table: Mapping[str, Any], place: str, keys: Mapping[str, type | tuple[type, ...]]) -> None:
        self.places.unknown(place, table, keys)
        for key, kind in keys.items():
            kinds = kind if isinstance(kind, tuple) else (kind,)
            if key in table and (not isinstance(table[key], kinds) or isinstance(table[key], bool)):
                self.places.report(f"{place}.{key}", f"must be {' or '.join(_KIND[kind] for kind in kinds)}")
            elif int in kinds and isinstance(table.get(key), int) and table[key] < 0:
                self.places.report(f"{place}.{key}", "must not be negative")

    def entries(
        self, table: Mapping[str, Any], place: str, key: str, known: tuple[str, ...], *, empty: bool = False
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """An array of tables, each with a name of its own."""
        found: list[tuple[str, Mapping[str, Any]]] = []
        items = self.value(table, place, key, list)
        if not items and not empty:
            self.places.report(f"{place}.{key}", "is empty")
        for i, entry in enumerate(items or ()):
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not is_name(name):
                self.places.report(f"{place}.{key}[{i}]", "must be a table with a name that is an identifier")
                continue
            self.places.unknown(f"{place}.{key}.{name}", entry, known)
            if any(name == other for other, _ in found):
                self.places.report(f"{place}.{key}.{name}", "is there twice")
            found.append((name, entry))
        return found

    def strings(self, table: Mapping[str, Any], place: str, key: str, *, required: bool = False) -> list[str]:
        items = self.value(table, place, key, list, [] if required else None)
        bad = [item for item in items or () if not isinstance(item, str)]
        if bad:
            self.places.report(f"{place}.{key}", "must be an array of strings")
        return [] if bad else list(items or ())

    def type_list(self, table: Mapping[str, Any], place: str, key: str) -> list[Type]:
        texts = self.strings(table, place, key)
        return [ty for i, text in enumerate(texts) if (ty := self.parse(text, f"{place}.{key}[{i}]")) is not None]

    def type(self, table: Mapping[str, Any], place: str, key: str = "type") -> Type | None:
        text = self.value(table, place, key, str, "")
        return None if text is None else self.parse(text, f"{place}.{key}")

    def parse(self, text: str, place: str) -> Type | None:
        try:
            return parse_type(text)
        except EncodingError as error:
            self.places.report(place, error.detail)
            return None


_KIND: dict[type, str] = {str: "a string", int: "an integer", bool: "true or false", list: "an array"}

__all__ = ["FILE", "LANGUAGES", "Custom", "Language", "Manifest", "ManifestError", "Problem", "load", "parse"]
