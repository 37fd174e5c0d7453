"""Nested contracts: what a chain charges a transaction is what the specification's frames add up to, however the callee ends."""

from __future__ import annotations

import pytest

import detent
from detent import _core, spec
from detent.chain import DEFAULT_GAS
from detent.toolchain import ContractAbi, Function, package

#: Prices of `cross_call` in host.toml (gas, here equal to fuel), and its codes.
BASE, PER_BYTE = 1000, 8
FAILED, OUT_OF_GAS = -10, -11
NESTED_CALL = spec.Schedule.current().stack.nested_call

CALLEE = """(module (memory (export "memory") 1)
    (func (export "returns") (local i32) (local.set 0 (i32.const 40))
      (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "traps") (drop (i32.const 1))
      (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0)))) (drop (i32.mul (i32.const 2) (i32.const 3))))
    (func (export "traps_deep") (call $down (i32.const 30)) (drop (i32.const 1)))
    (func $down (param i32)
      (if (i32.eqz (local.get 0)) (then (drop (i32.load (i32.const -1)))))
      (call $down (i32.sub (local.get 0) (i32.const 1))) (drop (i32.const 9)))
    (func (export "endless") (loop $l (br $l)))
    (func $f (export "recurses") (call $f)))"""
FUNCTIONS = ("returns", "traps", "traps_deep", "endless", "recurses")


def caller(target: bytes, function: str, limit: int) -> str:
    """Calls ``function`` of ``target`` with three bytes of calldata and at most ``limit`` gas, between two pieces of work."""
    data = "".join(f"\\{byte:02x}" for byte in target)
    return f"""(module
        (import "pyde" "cross_call" (func $call (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{data}") (data (i32.const 64) "{function}")
        (func (export "go") (local i32)
          (local.set 0 (i32.add (i32.const 1) (i32.const 2)))
          (local.set 0 (call $call (i32.const 0) (i32.const 64) (i32.const {len(function)}) (i32.const 128) (i32.const 3)
            (i32.const 96) (i64.const {limit}) (i32.const 256) (i32.const 200)))
          (if (i32.lt_s (local.get 0) (i32.const 0)) (then (i32.store (i32.const 300) (local.get 0))))
          (drop (i32.mul (local.get 0) (i32.const 7)))))"""


class World:
    """The specification's host with one other contract: `cross_call` by docs/host-abi.md, nothing moved."""

    def __init__(self, code: bytes) -> None:
        self.code = code
        self.codes: list[int] = []

    def call(self, imported: spec.Import, args: tuple[int, ...], view: spec.View) -> spec.Action:
        assert imported.name == "cross_call"
        _, name, length, _, size, _, limit, _, cell = args
        view.charge(BASE)
        view.charge(PER_BYTE * size)
        function = bytes(view.read(name, length)).decode()
        ended = spec.run(
            self.code, function, fuel=min(limit, view.fuel), rest=view.rest - NESTED_CALL, pages=view.pages, host=self, instance_charge=True
        )
        view.charge(ended.used)
        view.write(cell, bytes(4))
        self.codes.append(0 if ended.end == "returned" else OUT_OF_GAS if ended.end == "out_of_gas" else FAILED)
        return spec.Return((self.codes[-1],))


@pytest.mark.parametrize("engine", _core.engines())
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_nested_call_costs_what_the_specification_says(function: str, engine: str) -> None:
    callee = package(_core.wat2wasm(CALLEE), ContractAbi("callee", "0.1.0", tuple(Function(name, ("entry",)) for name in FUNCTIONS)))
    for limit in (9_000, 2**62):
        if function == "endless" and limit > DEFAULT_GAS:
            continue  # the specification would take its time
        with detent.Chain(engine=engine) as chain:
            alice = chain.account("alice")
            target = chain.deploy(callee, sender=alice)
            text = caller(target.address, function, limit)
            code = package(_core.wat2wasm(text), ContractAbi("caller", "0.1.0", (Function("go", ("entry",)),)))
            receipt = chain.deploy(code, sender=alice).go(sender=alice)
            assert receipt.ok, receipt
        world = World(callee)
        expected = spec.run(code, "go", fuel=DEFAULT_GAS, host=world)
        assert expected.end == "returned"
        assert receipt.core.fuel_used == expected.used
        if limit > DEFAULT_GAS:
            assert world.codes == [0 if function == "returns" else FAILED]
        elif function == "endless":
            assert world.codes == [OUT_OF_GAS]
