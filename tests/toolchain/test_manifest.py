"""Manifests are read strictly, and everything wrong is said at once with its place."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import PROJECTS, ROOT

from detent.errors import DetentError, ToolchainError
from detent.toolchain import manifest
from detent.toolchain.abi import StateField, decode, encode
from detent.toolchain.attributes import BITS
from detent.toolchain.manifest import _Parser
from detent.toolchain.places import ManifestError, Places
from detent.toolchain.types import Address, Bytes, Custom, Enum, Int, Param, Struct, Text, Vec, parse_type

SMALLEST = """
[contract]
name = "abc"
version = "1.0.0"
[contract.lang]
language = "rust"
[functions.go]
attributes = ["entry"]
"""

# One of everything, in the shape that the ecosystem's own templates have.
EVERYTHING = """
[contract]
name        = "every-thing"
version     = "1.2.3-beta.1"
description = "One of everything."
type        = "contract"

[contract.lang]
language = "go"
output   = "build/contract.wasm"

[contract.lang.toolchain]
tinygo_version = "0.41.0"

[deploy]
gas_limit = 50_000_000
gas_price = "auto"

[wallet]
default_account = "deployer"

[network.default]
name = "devnet"

[network.devnet]
rpc_url  = "http://127.0.0.1:9933"
chain_id = 31337

[paths]
tests = "spec"

[metadata]
license = "MIT"
tags    = ["example"]

[types.Order]
fields = [
    { name = "id",     type = "u64" },
    { name = "status", type = "Status" },
    { name = "lines",  type = "vec(Line)" },
]

[types.Line]
fields = [{ name = "text", type = "string" }]

[types.Status]
variants = [{ name = "Pending" }, { name = "Active" }]

[state]
schema = [
    { name = "owner",      type = "address" },
    { name = "balances",   type = "map", keys = ["address"], value = "uint128" },
    { name = "allowances", type = "mapping(address => mapping(address => uint128))" },
    { name = "prices",     type = "mapping(string, u8 -> struct(Order))" },
    { name = "log",        type = "vec(bytes32)" },
]

[functions.init]
attributes = ["entry", "constructor"]
inputs     = ["string", "uint8"]
outputs    = []

[functions.place]
attributes  = ["entry", "payable"]
inputs      = ["Order", "vec(address)"]
outputs     = ["Status"]
access_list = ["balances[caller()]"]

[functions.take]
attributes = ["payable", "receive"]

[functions.rest]
attributes = ["fallback"]

[events.Placed]
signature = "Placed(uint64,address,string)"
fields = [
    { name = "id",   type = "uint64",  indexed = true },
    { name = "who",  type = "address", indexed = true },
    { name = "note", type = "string" },
]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text)
    assert caught.value.code == "D702"
    assert all(problem.place for problem in caught.value.problems)
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


def test_everything_is_read() -> None:
    found = manifest.parse(EVERYTHING)
    assert (found.name, found.abi.version, found.description) == ("every-thing", "1.2.3-beta.1", "One of everything.")
    assert (found.language.name, found.language.output, found.gas_limit, found.tests) == ("go", "build/contract.wasm", 50_000_000, "spec")
    assert found.abi.state == (
        StateField("owner", (), Address()),
        StateField("balances", (Address(),), Int(128)),
        StateField("allowances", (Address(), Address()), Int(128)),
        StateField("prices", (Text(), Int(8)), Custom("Order")),
        StateField("log", (), Vec(parse_type("hash32"))),
    )
    assert [function.name for function in found.abi.functions] == ["init", "place", "rest", "take"]
    assert found.abi.constructor is found.abi.function("init")
    place = found.abi.function("place")
    assert place is not None
    assert (place.attributes, place.returns) == (("payable", "entry"), Custom("Status"))
    assert place.params == (Param("arg0", Custom("Order")), Param("arg1", Vec(Address())))
    assert found.abi.custom_types()["Status"] == Enum("Status", ("Pending", "Active"))
    assert found.abi.custom_types()["Line"] == Struct("Line", (Param("text", Text()),))
    assert found.abi.events[0].indexed == (True, True, False)
    assert found.warnings == ()


def test_the_smallest_manifest() -> None:
    found = manifest.parse(SMALLEST)
    assert (found.language.stack_size, found.tests, found.gas_limit, found.abi.state) == (16384, "tests", None, ())


@pytest.mark.parametrize("name", PROJECTS)
def test_the_projects_of_this_repository_are_accepted(name: str) -> None:
    assert manifest.load(PROJECTS[name]).warnings == ()


# What is changed in EVERYTHING, to what, and what is said. One row, one rule.
RULES: list[tuple[str, str, str]] = [
    ('name        = "every-thing"', 'name = "Every"', "contract.name: 'Every' is not 3 to 32"),
    ('name        = "every-thing"', 'name = "ab"', "contract.name: 'ab' is not 3 to 32"),
    ('name        = "every-thing"', 'name = "a--b"', "contract.name: 'a--b' is not 3 to 32"),
    ('name        = "every-thing"', "name = 5", "contract.name: must be a string"),
    ('name        = "every-thing"', "", "contract.name: is missing"),
    ('"1.2.3-beta.1"', '"1.2"', "contract.version: '1.2' is not a version"),
    ('"One of everything."', f'"{"x" * 201}"', "contract.description: 201 characters, at most 200"),
    ('type        = "contract"', 'type = "token"', "contract.type: token projects are not supported"),
    ('type        = "contract"', 'type = "thing"', "contract.type: 'thing' is not contract"),
    ('type        = "contract"', 'typ = "contract"', "contract.typ: unknown key; did you mean type?"),
    ('language = "go"', 'language = "basic"', "contract.lang.language: 'basic' is not one of rust, c, as, go"),
    ('output   = "build/contract.wasm"', "", "contract.lang.output: is missing"),
    ('output   = "build/contract.wasm"', 'output = "../other.wasm"', "contract.lang.output: must be a path inside"),
    ('tinygo_version = "0.41.0"', "stack_size = 100", "contract.lang.toolchain.stack_size: must be 256 to"),
    ('tinygo_version = "0.41.0"', "stack_size = 1000", "contract.lang.toolchain.stack_size: must be 256 to"),
    ('tinygo_version = "0.41.0"', "tinygo = 1", "contract.lang.toolchain.tinygo: unknown key; did you mean tinygo_version?"),
    ("gas_limit = 50_000_000", "gas_limit = -1", "deploy.gas_limit: must not be negative"),
    ("gas_limit = 50_000_000", "gas_limit = true", "deploy.gas_limit: must be an integer"),
    ('gas_price = "auto"', "gas_price = 1.5", "deploy.gas_price: must be a string or an integer"),
    ("chain_id = 31337", 'chain_id = "31337"', "network.devnet.chain_id: must be an integer"),
    ('license = "MIT"', 'licence = "MIT"', "metadata.licence: unknown key; did you mean license?"),
    ("[paths]", "[path]", "path: unknown table; did you mean paths?"),
    ("[wallet]", "[parachain]", "parachain: belongs to parachain projects"),
    ('{ name = "id",     type = "u64" }', '{ name = "id", type = "u65" }', "types.Order.id.type: 'u65' is not a type"),
    ('type = "vec(Line)"', 'type = "vec(Lime)"', "types.Order.fields.lines: the type Lime is not declared"),
    ('{ name = "text", type = "string" }', '{ name = "order", type = "Order" }', "types.Line: contains itself"),
    ('{ name = "text", type = "string" }', "", "types.Line.fields: is empty"),
    ('{ name = "Active" }', '{ name = "Pending" }', "types.Status.variants.Pending: is there twice"),
    ('{ name = "Active" }', '"Active"', "types.Status.variants[1]: must be a table with a name"),
    ("[types.Status]", '[types.Status]\nfields = [{ name = "x", type = "u8" }]', "types.Status: must have either fields or variants"),
    ("[types.Line]", "[types.line]", "types.line: a type's name is an identifier that begins with a capital"),
    ('"owner",      type = "address"', '"balances", type = "address"', "state.schema.balances: is there twice"),
    ('"owner",      type = "address"', '"owner"', "state.schema.owner.type: is missing"),
    (
        '"owner",      type = "address"',
        '"owner", type = "address", keys = ["u8"]',
        'state.schema.owner: keys and value belong to type = "map"',
    ),
    ('"owner",      type = "address"', '"own-er", type = "address"', "state.schema[0]: must be a table with a name"),
    ('keys = ["address"]', "keys = []", "state.schema.balances.keys: is missing"),
    (', keys = ["address"]', "", "state.schema.balances.keys: is missing"),
    ('keys = ["address"], value = "uint128"', 'keys = ["address"]', "state.schema.balances.value: is missing"),
    ('keys = ["address"]', 'keys = ["vec(u8)"]', "state.schema.balances: vec(uint8) cannot be a key"),
    ('keys = ["address"]', 'keys = ["Status"]', "state.schema.balances: Status cannot be a key"),
    ('keys = ["address"]', 'keys = ["u8", "u8", "u8", "u8"]', "state.schema.balances: 4 keys, at most 3"),
    ('"vec(bytes32)"', '"vec(string)"', "state.schema.log: vec(string) cannot be stored"),
    ('"vec(bytes32)"', '"vec(Order)"', "state.schema.log: vec(Order) cannot be stored"),
    ('"vec(bytes32)"', '"option(u8)"', "state.schema.log: option(uint8) cannot be stored"),
    ("struct(Order)", "struct(Odor)", "state.schema.prices: the type Odor is not declared"),
    (
        '["entry", "constructor"]',
        '["entry", "construct"]',
        "functions.init.attributes.construct: unknown attribute; did you mean constructor?",
    ),
    ('["entry", "constructor"]', '["view"]', "functions.init.attributes: nothing can call it: add entry"),
    ('["entry", "constructor"]', '"entry"', "functions.init.attributes: must be an array"),
    ('["entry", "constructor"]', '["entry", "view", "payable"]', "functions.init.attributes: view and payable exclude each other"),
    ('["entry", "constructor"]', '["fallback"]', "functions.rest.attributes: fallback is taken by init"),
    ('["payable", "receive"]', '["receive"]', "functions.take.attributes: receive needs payable"),
    ('["payable", "receive"]', '["payable", "receive"]\ninputs = ["u8"]', "functions.take.inputs: receive runs without calldata"),
    ('["fallback"]', '["fallback", "constructor"]', "functions.rest.attributes: constructor and fallback exclude each other"),
    ('["string", "uint8"]', '["string", "uint9"]', "functions.init.inputs[1]: 'uint9' is not a type"),
    ('["string", "uint8"]', '["string", "Missing"]', "functions.init.inputs[1]: the type Missing is not declared"),
    ('outputs     = ["Status"]', 'outputs = ["u8", "u8"]', "functions.place.outputs: at most one"),
    ('outputs     = ["Status"]', 'output = ["u8"]', "functions.place.output: unknown key; did you mean outputs?"),
    ("[functions.place]", "[functions._place]", "functions._place: a function's name is an identifier that does not begin with _"),
    ("[functions.place]", "[functions.pl-ace]", "functions.pl-ace: a function's name is an identifier"),
    ("Placed(uint64,address,string)", "Placed(u64,address,string)", "events.Placed.signature: 'Placed(u64,address,string)' does not match"),
    ('"note", type = "string"', '"note", type = "string", indexed = true', "events.Placed.fields.note: only integers, bool"),
    (
        '"note", type = "string"',
        '"note", type = "string", indexd = true',
        "events.Placed.fields.note.indexd: unknown key; did you mean indexed?",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), RULES, ids=lambda text: None)
def test_each_rule(old: str, new: str, said: str) -> None:
    assert old in EVERYTHING
    assert any(problem.startswith(said) for problem in problems(EVERYTHING.replace(old, new, 1))), problems(EVERYTHING.replace(old, new, 1))


def test_four_indexed_fields_are_too_many() -> None:
    fields = ", ".join(f'{{ name = "f{i}", type = "u8", indexed = true }}' for i in range(4))
    assert problems(f"{SMALLEST}\n[events.E]\nfields = [{fields}]") == ["events.E.fields: 4 indexed fields, at most 3"]


def test_everything_wrong_is_said_at_once_with_its_line() -> None:
    text = SMALLEST.replace('"1.0.0"', '"one"').replace('["entry"]', '["entry", "view", "payable"]') + 'inputs = ["number"]\n'
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text, Path("x/otigen.toml"))
    assert [(problem.place, problem.line) for problem in caught.value.problems] == [
        ("contract.version", 4),
        ("functions.go.attributes", 8),
        ("functions.go.inputs[0]", 9),
    ]
    assert "line 4: contract.version" in str(caught.value)
    assert caught.value.at == "x/otigen.toml"


def test_missing_tables_are_named() -> None:
    assert problems("") == ["contract: the table is missing", "contract.lang: the table is missing", "functions: the table is missing"]


def test_toml_that_is_none_says_where() -> None:
    assert "line 2" in problems("\n[contract\nname")[0]
    # Beyond what Python's reader itself can do.
    assert problems("a = " + "[" * 5000)[0].startswith("TOML")
    assert problems("a = " + "1" * 5000)[0].startswith("TOML")


def test_a_missing_file_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        manifest.load(tmp_path)
    assert caught.value.code == "D701"
    (tmp_path / "otigen.toml").write_bytes(b"\xff")
    with pytest.raises(ToolchainError) as caught:
        manifest.load(tmp_path)
    assert caught.value.code == "D701"


def test_the_error_survives_pickling() -> None:
    with pytest.raises(ManifestError) as caught:
        manifest.parse("")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.problems, str(again)) == (ManifestError, caught.value.problems, str(caught.value))


def overlaps(*fields: str) -> list[str]:
    schema = ",".join(fields)
    return [problem.message for problem in manifest.parse(f"{SMALLEST}\n[state]\nschema = [{schema}]").warnings]


def test_fields_that_can_share_a_slot_are_warned_about() -> None:
    key8, scalar = '{{ name = "{}", type = "map", keys = ["u64"], value = "u8" }}', '{{ name = "{}", type = "u8" }}'
    text = '{{ name = "{}", type = "map", keys = ["string"], value = "u8" }}'
    # Eight letters more are a key of eight bytes.
    assert len(overlaps(key8.format("a"), scalar.format("a_1234567"))) == 1
    assert overlaps(key8.format("a"), scalar.format("a_12345678")) == []
    assert overlaps(scalar.format("a"), scalar.format("ab")) == []
    # A string's key begins with its length: four letters are no length, one letter and a key are.
    assert overlaps(text.format("named"), scalar.format("named_count")) == []
    assert len(overlaps(text.format("named"), text.format("named2"))) == 1


def test_risky_attributes_are_warned_about() -> None:
    found = manifest.parse(SMALLEST.replace('["entry"]', '["entry", "payable", "reentrant"]'))
    assert [problem.place for problem in found.warnings] == ["functions.go.attributes"]


def test_state_keeps_the_names_of_records_but_the_section_says_bytes() -> None:
    abi = manifest.parse(EVERYTHING).abi
    assert abi.state[3].value == Custom("Order")
    assert decode(encode(abi)).state[3].value == Bytes()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab.[]{}\"'= \n", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "type", "keys", "fields", "go", "x"]), inner, max_size=3)
    ),
)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 60), st.text(max_size=12)), max_size=3))
def test_no_text_does_worse_than_a_catalogued_error(edits: list[tuple[int, int, str]]) -> None:
    text = EVERYTHING
    for at, length, new in edits:
        start = at % (len(text) + 1)
        text = text[:start] + new + text[start + length :]
    try:
        manifest.parse(text)
    except DetentError as error:
        assert error.code == "D702"


@given(st.dictionaries(st.sampled_from(["contract", "functions", "events", "state", "types", "deploy", "network", "paths"]), _VALUES))
def test_no_value_of_another_kind_does_worse(document: dict[str, object]) -> None:
    places = Places("")
    assert _Parser(places).manifest(document, Path()) is None
    assert places.problems


def test_types_nest_as_deep_as_the_gate_admits() -> None:
    def chain(length: int) -> str:
        links = "".join(f'[types.T{i}]\nfields = [{{ name = "x", type = "T{i + 1}" }}]\n' for i in range(length))
        return f'{SMALLEST}\n{links}[types.T{length}]\nfields = [{{ name = "x", type = "u8" }}]'

    # Each struct is a level, the integer is one.
    assert len(manifest.parse(chain(30)).abi.types) == 31
    assert problems(chain(31)) == ["types.T0: nests deeper than 32 levels"]
    uses = chain(30).replace('attributes = ["entry"]', 'attributes = ["entry"]\ninputs = ["vec(T0)"]')
    assert problems(uses) == ["functions.go.inputs[0]: nests deeper than 32 levels"]
    deep = "vec(" * 31 + "u8" + ")" * 31
    assert manifest.parse(f'{SMALLEST}inputs = ["{deep}"]').abi == decode(encode(manifest.parse(f'{SMALLEST}inputs = ["{deep}"]').abi))
    assert "deeper" in problems(f'{SMALLEST}inputs = ["vec({deep})"]')[0]


PAGE = (ROOT / "docs/manifest.md").read_text()


def test_the_examples_of_the_documentation_are_accepted() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert manifest.parse(block).warnings == ()


def test_the_documentation_names_every_attribute_key_and_language() -> None:
    keys = {key for table in manifest._PASSIVE.values() for key in table} | {*manifest._NETWORK, *manifest._TOOLCHAIN, *manifest._TOP}
    for word in (keys - {"parachain", "token"}) | {*BITS, *manifest.LANGUAGES, "stack_size", "parachain"}:
        assert re.search(rf"`{word}[`.]", PAGE), word
