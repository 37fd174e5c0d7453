"""Small modules for differential tests: (name, text, entry, arguments). Every trap kind in mid-block, with costs after it."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """A module and what to run of it."""

    name: str
    text: str
    entry: str = "f"
    args: tuple[int, ...] = ()


def _mid_block(name: str, before: str, extra: str = "", args: tuple[int, ...] = ()) -> Case:
    """The trap of ``before`` (leaving an i32) inside a block, with operators before and after it in the same block."""
    return Case(
        f"trap_{name}",
        f"""(module {extra} (memory (export "memory") 1)
              (func (export "f") (result i32) (local i32)
                (local.set 0 (i32.const 3)) (drop (i32.add (local.get 0) (i32.const 4)))
                {before}
                (local.set 0) (drop (i32.mul (local.get 0) (i32.const 5))) (i32.add (local.get 0) (i32.const 1))))""",
        args=args,
    )


TABLE = (
    "(type $t (func (result i32))) (type $u (func (result i64))) (table 3 funcref) (elem (i32.const 0) $a $b)"
    " (func $a (type $t) (i32.const 7)) (func $b (type $u) (i64.const 8))"
)

TRAPS = [
    _mid_block("unreachable", "(unreachable)"),
    _mid_block("division_by_zero", "(i32.div_s (i32.const 1) (i32.const 0))"),
    _mid_block("remainder_by_zero", "(i32.wrap_i64 (i64.rem_u (i64.const 1) (i64.const 0)))"),
    _mid_block("integer_overflow", "(i32.div_s (i32.const 0x80000000) (i32.const -1))"),
    _mid_block("integer_overflow_64", "(i32.wrap_i64 (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))"),
    _mid_block("conversion_nan", "(i32.trunc_f64_s (f64.const nan))"),
    _mid_block("conversion_range", "(i32.trunc_f32_u (f32.const -1))"),
    _mid_block("load", "(i32.load (i32.const 65533))"),
    _mid_block("store", "(i32.store (i32.const -1) (i32.const 0)) (i32.const 1)"),
    _mid_block("load_with_offset", "(i32.load offset=4294967295 (i32.const 65533))"),
    _mid_block("memory_fill", "(memory.fill (i32.const 65000) (i32.const 1) (i32.const 1000)) (i32.const 1)"),
    _mid_block("memory_copy", "(memory.copy (i32.const 0) (i32.const 65000) (i32.const 1000)) (i32.const 1)"),
    _mid_block("memory_init", "(memory.init 0 (i32.const 0) (i32.const 2) (i32.const 9)) (i32.const 1)", '(data "abcd")'),
    _mid_block("table_index", "(call_indirect (type $t) (i32.const 3))", TABLE),
    _mid_block("table_null", "(call_indirect (type $t) (i32.const 2))", TABLE),
    _mid_block("table_signature", "(call_indirect (type $t) (i32.const 1))", TABLE),
]

CONTROL = [
    Case(
        "nested_loops",
        """(module (func (export "f") (param i32) (result i32) (local i32 i32)
             (loop $a (local.set 1 (i32.const 0))
               (loop $b (local.set 1 (i32.add (local.get 1) (i32.const 1))) (local.set 2 (i32.add (local.get 2) (local.get 1)))
                 (br_if $b (i32.lt_u (local.get 1) (i32.const 5))))
               (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $a (local.get 0)))
             (local.get 2)))""",
        args=(7,),
    ),
    Case(
        "branch_table",
        """(module (func (export "f") (param i32) (result i32) (local i32)
             (loop $again
               (block $d (block $c (block $b (block $a
                 (br_table $a $b $c $d (i32.and (local.get 0) (i32.const 3))))
                 (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br $d))
                 (local.set 1 (i32.mul (local.get 1) (i32.const 3))) (br $d))
                 (local.set 1 (i32.xor (local.get 1) (i32.const 0x55))))
               (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
             (local.get 1)))""",
        args=(23,),
    ),
    Case(
        "if_without_else",
        """(module (func (export "f") (param i32) (result i32) (local i32)
             (if (i32.and (local.get 0) (i32.const 1)) (then (local.set 1 (i32.const 9))))
             (if (result i32) (i32.and (local.get 0) (i32.const 2)) (then (i32.const 4)) (else (i32.div_u (i32.const 9) (i32.const 2))))
             (i32.add (local.get 1))))""",
        args=(1,),
    ),
    Case(
        "dead_code",
        """(module (func (export "f") (param i32) (result i32)
             (block $out (result i32) (br $out (i32.const 5)) (drop) (i32.div_u (i32.const 1) (i32.const 0)) (unreachable))
             (if (local.get 0) (then (return (i32.const 1)) (unreachable)))
             (i32.add (i32.const 1))))""",
        args=(0,),
    ),
    Case(
        "multi_value",
        """(module (type $two (func (param i32 i32) (result i32 i32)))
             (func $swap (type $two) (local.get 1) (local.get 0))
             (func (export "f") (param i32) (result i32) (local.get 0) (i32.const 3)
               (call $swap) (block (type $two) (call $swap)) (loop (type $two) (i32.add (i32.const 1))) (i32.sub)))""",
        args=(40,),
    ),
    Case("empty_loop_once", '(module (func (export "f") (loop) (loop (loop))))'),
    Case("endless_loop", '(module (func (export "f") (loop $l (br $l))))'),
    Case(
        "fibonacci",
        """(module (func $fib (export "f") (param i64) (result i64)
             (if (result i64) (i64.lt_u (local.get 0) (i64.const 2)) (then (local.get 0))
               (else (i64.add (call $fib (i64.sub (local.get 0) (i64.const 1))) (call $fib (i64.sub (local.get 0) (i64.const 2))))))))""",
        args=(12,),
    ),
    Case(
        "trap_at_depth_1000",
        """(module (memory 1) (func $down (export "f") (param i32) (result i32)
             (if (i32.eqz (local.get 0)) (then (drop (i32.load (i32.const -1)))))
             (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))""",
        args=(1000,),
    ),
    Case(
        "mutual_recursion_trap",
        """(module (func $even (export "f") (param i32) (result i32)
             (if (i32.eqz (local.get 0)) (then (return (i32.rem_s (i32.const 1) (i32.const 0)))))
             (i32.add (call $odd (i32.sub (local.get 0) (i32.const 1))) (i32.const 2)))
           (func $odd (param i32) (result i32) (local i64 i64)
             (i32.add (call $even (i32.sub (local.get 0) (i32.const 1))) (i32.const 3))))""",
        args=(50,),
    ),
    Case("endless_recursion", '(module (func $f (export "f") (call $f)))'),
    Case(
        "endless_recursion_wide",
        """(module (func $f (export "f") (param i64) (result i64) (local i64 i64 i64 i64)
             (i64.add (call $g (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
           (func $g (param i64) (result i64) (local i32) (i64.mul (call $f (local.get 0)) (call $leaf (local.get 0))))
           (func $leaf (param i64) (result i64) (local i64 i64 i64) (i64.add (local.get 0) (i64.const 9))))""",
        args=(0,),
    ),
    Case(
        "indirect_recursion",
        """(module (type $t (func (param i32) (result i32))) (table 2 funcref) (elem (i32.const 0) $a $leaf)
           (func $leaf (type $t) (i32.mul (local.get 0) (i32.const 3)))
           (func $a (export "f") (type $t)
             (if (i32.eqz (local.get 0)) (then (return (call_indirect (type $t) (i32.const 11) (i32.const 1)))))
             (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))""",
        args=(20,),
    ),
]

MEMORY = [
    Case(
        "grow",
        """(module (memory (export "memory") 1 5) (func (export "f") (result i32) (local i32)
             (local.set 0 (memory.grow (i32.const 2)))
             (local.set 0 (i32.add (local.get 0) (i32.mul (memory.grow (i32.const 3)) (i32.const 100))))
             (i32.add (local.get 0) (i32.mul (memory.size) (i32.const 1000)))))""",
    ),
    Case("grow_too_far", '(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const -1))))'),
    Case("grow_to_the_cap", '(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 1023))))'),
    Case("grow_past_the_cap", '(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 1024))))'),
    Case(
        "bulk",
        """(module (memory 1) (data $d "hello, world") (func (export "f") (result i32)
             (memory.init $d (i32.const 8) (i32.const 0) (i32.const 12)) (data.drop $d)
             (memory.copy (i32.const 9) (i32.const 8) (i32.const 300)) (memory.fill (i32.const 600) (i32.const 7) (i32.const 1000))
             (i32.add (i32.load (i32.const 16)) (i32.load (i32.const 700)))))""",
    ),
    Case(
        "start",
        """(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 5)) (start $s)
           (func $s (global.set $g (i32.add (global.get $g) (i32.const 6))))
           (func (export "_initialize") (global.set $g (i32.mul (global.get $g) (i32.const 2))))
           (func (export "f") (result i32) (global.get $g)))""",
    ),
    Case("start_traps", '(module (start $s) (func $s (drop (i32.const 1)) (unreachable)) (func (export "f")))'),
]

FLOATS = [
    Case(
        "nan_bits",
        """(module (func (export "f") (param i64) (result i64)
             (i64.xor (i64.reinterpret_f64 (f64.add (f64.reinterpret_i64 (local.get 0)) (f64.const 1)))
               (i64.xor (i64.reinterpret_f64 (f64.neg (f64.sqrt (f64.const -1))))
                 (i64.xor (i64.reinterpret_f64 (f64.min (f64.reinterpret_i64 (local.get 0)) (f64.const 0)))
                   (i64.extend_i32_u (i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (local.get 0))))))))))""",
        args=(0xFFF4_0000_0000_1234,),
    ),
    Case(
        "float_loop",
        """(module (func (export "f") (param i32) (result i64) (local f64 f32)
             (local.set 1 (f64.const 1.5)) (local.set 2 (f32.const 0.1))
             (loop $l
               (local.set 1 (f64.add (f64.mul (local.get 1) (f64.const 1.0000001)) (f64.div (f64.const 1) (local.get 1))))
               (local.set 2 (f32.nearest (f32.sub (f32.sqrt (f32.mul (local.get 2) (f32.const 3.7))) (f32.const 0.3))))
               (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
             (i64.add (i64.reinterpret_f64 (local.get 1)) (i64.extend_i32_u (i32.reinterpret_f32 (local.get 2))))))""",
        args=(30,),
    ),
]

CASES = [*TRAPS, *CONTROL, *MEMORY, *FLOATS]


def _shared(count: int) -> Case:
    """Endless recursion with ``count`` products that a compiler computes once and keeps across the call."""
    products = "".join(f"(local.set 1 (i64.xor (local.get 1) (i64.mul (local.get 0) (i64.const {2 * n + 3}))))" for n in range(count))
    text = f"""(module (func $f (export "f") (param i64) (result i64) (local i64)
        {products} (drop (call $f (i64.add (local.get 0) (i64.const 1)))) {products} (local.get 1)))"""
    return Case(f"endless_recursion_of_{count}_shared_values", text, args=(7,))


#: A compiler's frame for these is many times what values alone would count: the logical stack still ends first.
SHARED = [_shared(count) for count in (10, 200, 1000)]
