"""The commands. Each is thin: it parses, calls the package, and prints."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import detent
from detent.chain import DEFAULT_DEPLOY_GAS, DEFAULT_GAS, Chain
from detent.cli import values
from detent.cli.output import EXIT_NO, console, emit, errors, fail, plain, rows
from detent.errors import DetentError, error
from detent.receipts import Receipt

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deterministic WebAssembly smart contracts: the same result and the same gas on every engine and machine.",
    epilog="Exit codes: 0 done; 1 the answer is no (refused, reverted, halted, unequal); 2 usage; 3 an error of the catalogue.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Engine = Annotated[str, typer.Option(help="cranelift or wasmi.")]
Folder = Annotated[Path, typer.Option("--chain", envvar="DETENT_CHAIN", help="Folder of the chain's store.")]
Sender = Annotated[str, typer.Option("--from", help="Development account, contract name or 0x address.")]
CHAIN = Path(".detent")


def run_app() -> None:
    """Runs the command line; errors of the catalogue become text (or JSON) and exit code 3."""
    as_json = "--json" in sys.argv
    try:
        app()
    except DetentError as problem:
        fail(problem, as_json=as_json)
    except KeyboardInterrupt:
        sys.exit(130)


def _receipt(receipt: Receipt, *, as_json: bool) -> None:
    data: dict[str, Any] = {
        "outcome": receipt.outcome,
        "value": receipt.value,
        "output": receipt.output,
        "reason": receipt.reason,
        "gas_used": receipt.gas_used,
        "fuel_used": receipt.core.fuel_used,
        "fee_paid": receipt.fee_paid,
        "tx_hash": receipt.tx_hash,
        "height": receipt.height,
        "events": [{"name": event.name, "fields": event.fields} for event in receipt.events],
    }
    emit(data, as_json=as_json)
    if not receipt.ok:
        raise typer.Exit(EXIT_NO)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="A .wasm or .wat file.")],
    entry: Annotated[str, typer.Option(help="Exported function to run.")],
    arg: Annotated[list[str] | None, typer.Option(help="An argument of the export, as an integer; repeat for more.")] = None,
    calldata: Annotated[str, typer.Option(help="Calldata, hexadecimal.")] = "",
    gas: Annotated[int, typer.Option(help="Gas limit.")] = DEFAULT_GAS,
    fuel_per_gas: Annotated[int, typer.Option(help="1, or 1000 in the pyde profile.")] = 1,
    engine: Engine = "cranelift",
    as_json: Json = False,
) -> None:
    """Run one export of a module on an empty state; no project and no chain needed."""
    try:
        data = bytes.fromhex(calldata.removeprefix("0x"))
        args = [int(text, 0) for text in arg or []]
    except ValueError as problem:
        raise error("argument_wrong", str(problem)) from None
    with errors.status(f"running {entry}"):
        done = detent.run(file, entry, args=args, calldata=data, gas=gas, fuel_per_gas=fuel_per_gas, engine=engine)
    code = (
        "D201"
        if done.end.startswith("trapped")
        else {"out_of_gas": "D202", "stack_overflow": "D203", "out_of_memory": "D204"}.get(done.end)
    )
    emit(
        {
            "outcome": done.outcome,
            "end": done.end,
            "gas_used": done.gas_used,
            "fuel_used": done.fuel_used,
            "results": done.results,
            "output": done.output,
            "code": code,
            "detail": done.detail,
            "frames": [{"function": index, "name": name, "offset": offset} for index, name, offset in done.frames],
        },
        as_json=as_json,
    )
    if done.outcome != "success":
        raise typer.Exit(EXIT_NO)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A .wasm or .wat file.")],
    bare: Annotated[bool, typer.Option(help="Any module, not a contract: no ABI section needed.")] = False,
    as_json: Json = False,
) -> None:
    """Ask the gate: every reason against a module at once."""
    report = detent.check(file, contract=not bare)
    if as_json:
        emit({"admitted": report.admitted, **asdict(report)}, as_json=True)
    elif report.admitted:
        shape = {key: value for key, value in report.facts["shape"].items() if value}
        facts = {key: value for key, value in report.facts.items() if key != "shape" and value not in (None, [], False)}
        emit({"admitted": "yes", **shape, **facts}, as_json=False)
    else:
        for reason in report.reasons:
            where = "" if reason.offset is None else f" at offset {reason.offset:#x}"
            console.print(f"[red]{reason.code} {reason.name}[/red]{where}: ", end="")
            console.print(reason.message, markup=False)
            console.print(f"  try: {reason.hint}", markup=False)
    if not report.admitted:
        raise typer.Exit(EXIT_NO)


@app.command()
def build(
    project: Annotated[Path, typer.Argument(help="Folder with otigen.toml.")] = Path(),
    out: Annotated[Path | None, typer.Option(help="Where the .wasm goes.")] = None,
    as_json: Json = False,
) -> None:
    """Build a contract from source and write its ABI section."""
    with errors.status(f"building {project}"):
        result = detent.build(project, out=out)
    emit({"wasm": str(result.wasm), "bytes": result.wasm.stat().st_size, "name": result.name}, as_json=as_json)


@app.command()
def deploy(
    contract: Annotated[Path, typer.Argument(help="Project folder, .wasm or .wat file.")],
    args: Annotated[list[str] | None, typer.Argument(help="Constructor arguments.")] = None,
    sender: Sender = "alice",
    name: Annotated[str | None, typer.Option(help="Name that decides the address; default the ABI's.")] = None,
    gas: Annotated[int, typer.Option(help="Gas limit.")] = DEFAULT_DEPLOY_GAS,
    chain: Folder = CHAIN,
    engine: Engine = "cranelift",
    as_json: Json = False,
) -> None:
    """Deploy a contract on the chain in this folder."""
    from detent.contracts import Interface, load_contract  # noqa: PLC0415 - only this command needs them

    with Chain(chain, engine=engine) as opened:
        with errors.status(f"building {contract}" if contract.is_dir() else f"reading {contract}"):
            code = load_contract(contract)
        interface = Interface.of(code)
        kinds = interface.constructor_types()
        texts = args or []
        if len(kinds) != len(texts):
            raise error("argument_wrong", f"the constructor takes {len(kinds)} arguments ({', '.join(kinds)}), not {len(texts)}")
        parsed = [values.parse(kind, text, opened) for kind, text in zip(kinds, texts, strict=True)]
        done = opened.deploy(code, *parsed, sender=values.who(sender, opened), name=name, gas=gas)
        receipt = done.receipt
        emit(
            {
                "name": name or interface.name,
                "address": done.address,
                "gas_used": receipt.gas_used if receipt else None,
                "height": opened.height,
            },
            as_json=as_json,
        )


@app.command()
def call(
    contract: Annotated[str, typer.Argument(help="Name or 0x address.")],
    function: Annotated[str, typer.Argument()],
    args: Annotated[list[str] | None, typer.Argument(help="Arguments.")] = None,
    sender: Sender = "alice",
    value: Annotated[int, typer.Option(help="Quanta sent with the call.")] = 0,
    gas: Annotated[int, typer.Option(help="Gas limit.")] = DEFAULT_GAS,
    chain: Folder = CHAIN,
    engine: Engine = "cranelift",
    as_json: Json = False,
) -> None:
    """Call a function in a transaction."""
    with Chain(chain, engine=engine) as opened:
        target = opened.contract(contract)
        parsed = values.arguments(target, function, args or [], opened)
        _receipt(target.transact(function, *parsed, sender=values.who(sender, opened), value=value, gas=gas), as_json=as_json)


@app.command()
def view(
    contract: Annotated[str, typer.Argument(help="Name or 0x address.")],
    function: Annotated[str, typer.Argument()],
    args: Annotated[list[str] | None, typer.Argument(help="Arguments.")] = None,
    sender: Sender = "0x" + "00" * 32,
    gas: Annotated[int, typer.Option(help="Gas limit.")] = DEFAULT_GAS,
    chain: Folder = CHAIN,
    engine: Engine = "cranelift",
    as_json: Json = False,
) -> None:
    """Run a function on the current state and drop what it did."""
    with Chain(chain, engine=engine) as opened:
        target = opened.contract(contract)
        parsed = values.arguments(target, function, args or [], opened)
        _receipt(target.view(function, *parsed, sender=values.who(sender, opened), gas=gas), as_json=as_json)


@app.command()
def account(
    who: Annotated[str, typer.Argument(help="Development account, contract name or 0x address.")],
    chain: Folder = CHAIN,
    as_json: Json = False,
) -> None:
    """Balance, nonce and code of an account."""
    with Chain(chain) as opened:
        address = values.who(who, opened)
        emit(opened.describe(address), as_json=as_json)


@app.command()
def receipt(
    tx_hash: Annotated[str, typer.Argument(help="Transaction hash, hexadecimal.")],
    chain: Folder = CHAIN,
    as_json: Json = False,
) -> None:
    """The receipt of a transaction."""
    with Chain(chain) as opened:
        try:
            found = opened.get_receipt(bytes.fromhex(tx_hash.removeprefix("0x")))
        except ValueError:
            raise error("argument_wrong", f"{tx_hash!r} is not hexadecimal") from None
        if found is None:
            raise error("receipt_unknown", f"no sealed block of this chain holds {tx_hash}")
        _receipt(found, as_json=as_json)


@app.command()
def bench(
    suite: Annotated[str, typer.Argument(help="transfers, calls, python or meters.")],
    quick: Annotated[bool, typer.Option(help="Small sizes: shows that it works, its figures mean little.")] = False,
    as_json: Json = False,
) -> None:
    """Measure, always beside a peer or a physical limit in the same run."""
    from detent.bench import run_suite  # noqa: PLC0415 - needs the toolchain

    with errors.status(f"measuring {suite}: some minutes; leave the machine alone"):
        result = run_suite(suite, quick=quick)
    if as_json:
        emit(result, as_json=True)
    else:
        rows(suite, ["figure", "value", "unit"], [[key, f"{one['value']:,.4g}", one["unit"]] for key, one in result["figures"].items()])
        for note in result.get("notes", []):
            console.print(f"[dim]{note}[/dim]")


@app.command()
def demo(
    transfers: Annotated[int, typer.Option(help="Signed transfers.")] = 100_000,
    accounts: Annotated[int, typer.Option(help="Accounts.")] = 1_000,
    block_size: Annotated[int, typer.Option(help="Transfers in a block.")] = 1_000,
    kills: Annotated[int, typer.Option(help="How often the process is killed and reopened.")] = 1,
    folder: Annotated[Path | None, typer.Option("--chain", help="Folder of the store; default a temporary one.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the moments of the kills.")] = 1,
    as_json: Json = False,
) -> None:
    """The main job: build, deploy and run a token on a durable chain that is killed and reopened, then replayed."""
    from detent.demo import run_demo  # noqa: PLC0415 - needs the toolchain

    result = run_demo(transfers=transfers, accounts=accounts, block_size=block_size, kills=kills, folder=folder, seed=seed, quiet=as_json)
    emit(plain(result), as_json=as_json, title=None)
    if not result["ok"]:
        raise typer.Exit(EXIT_NO)


@app.command()
def doctor(as_json: Json = False) -> None:
    """What this machine has and lacks."""
    from detent.cli.doctor import examine  # noqa: PLC0415

    found = examine()
    if as_json:
        emit(
            {"findings": [{"what": one.what, "state": one.state, "good": one.good, "needed_for": one.needed_for} for one in found]},
            as_json=True,
        )
    else:
        rows(
            "",
            ["", "what", "state", "needed for"],
            [["ok" if one.good else "NO", one.what, one.state, one.needed_for] for one in found],
            numbers=False,
        )
    if not found[1].good:
        raise typer.Exit(EXIT_NO)
