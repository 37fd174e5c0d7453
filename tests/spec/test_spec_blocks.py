"""Section 2 and 3: what blocks cost. Every expected number is worked out in the comment beside it, from the schedule by hand.

Prices used: an operator 1; block, loop, end, else, nop 0; call 3; call_indirect 8; br_table 3; i32.div_s 8; entering a function 2,
each declared local 1.
"""

from __future__ import annotations

import pytest
from spec_cases import ran, used, wat

from detent.spec import Schedule, prepare

COUNTDOWN = """(module (func (export "main") (param i32)
    loop local.get 0  i32.const 1  i32.sub  local.tee 0  br_if 0 end))"""

TO_OUTER = """(module (func (export "main") (param i32)
    block $out
      loop $a
        local.get 0  i32.eqz  br_if $out
        local.get 0  i32.const 1  i32.sub  local.set 0
        loop $b
          i32.const 1  br_if $a
          unreachable
        end
      end
    end))"""

TABLE = """(module (func (export "main") (param i32) (result i32)
    block block block
      local.get 0  br_table 0 1 2
    end i32.const 10 return
    end i32.const 20 return
    end i32.const 30))"""

IF_ELSE = """(module (func (export "main") (param i32) (result i32)
    local.get 0
    if (result i32)  i32.const 1
    else  i32.const 2  i32.const 3  i32.add
    end
    i32.const 4  i32.add))"""

IF_ONLY = """(module (func (export "main") (param i32)
    local.get 0
    if  nop  i32.const 1  drop  end
    i32.const 1  drop))"""

MULTI = """(module (func (export "main") (param i32) (result i32)
    local.get 0  i32.const 5
    block (param i32 i32) (result i32 i32)
      local.get 0  br_if 0
      i32.add  i32.const 9
    end
    i32.sub))"""


@pytest.mark.parametrize(
    ("text", "args", "fuel", "why"),
    [
        ('(module (func (export "main")))', (), 2, "entry"),
        ('(module (func (export "main") (local i32 i64 f32 f64)))', (), 6, "entry 2, four locals; parameters are free"),
        ('(module (func (export "main") (param i32 i32)))', (1, 2), 2, "parameters are not declared locals"),
        ('(module (func (export "main") (result i32) i32.const 6 i32.const 3 i32.div_s))', (), 12, "entry 2, 1 + 1 + 8"),
        (IF_ELSE, (1,), 7, "2 + get, if 2; const 1; const, add 2"),
        (IF_ELSE, (0,), 9, "2 + get, if 2; three in the else arm; const, add 2"),
        (IF_ONLY, (1,), 8, "2 + get, if 2; const, drop 2; const, drop 2"),
        (IF_ONLY, (0,), 6, "the arm is not entered"),
        (COUNTDOWN, (1,), 7, "entry 2; a round 5"),
        (COUNTDOWN, (1000,), 5002, "entry 2; 1000 rounds of 5"),
        (TO_OUTER, (3,), 32, "entry 2; three rounds of 3 + 4 + 2; the last test 3"),
        (TABLE, (0,), 8, "2 + get 1 + br_table 3; const, return 2"),
        (TABLE, (1,), 8, "the same by the second arm"),
        (TABLE, (2,), 7, "the third arm has no return"),
        (TABLE, (2**32 - 1,), 7, "the default"),
        (MULTI, (1,), 7, "2 + get, const, get, br_if 4; sub 1"),
        (MULTI, (0,), 9, "and add, const 2 when not taken"),
    ],
)
def test_fuel_is_the_closed_form(text: str, args: tuple[int, ...], fuel: int, why: str) -> None:
    assert used(text, *args) == fuel, why


def test_a_round_of_a_loop_is_never_free() -> None:
    # entry 2, then two loop headers with nothing to pay before the next cut: 1 each.
    assert used('(module (func (export "main") loop loop end end))') == 4
    # The block after the inner header goes on past both ends up to the function's end, so the drop makes the 1 needless.
    assert used('(module (func (export "main") loop loop end end i32.const 1 drop))') == 2 + 1 + 2
    # Cut by the end of a block that is branched to: [loop's header: end of $b] is free, so 1.
    # 2 + const, br_if 2; 0 after br_if up to the loop; 1; nothing after.
    assert used('(module (func (export "main") block $b i32.const 0 br_if $b loop end end))') == 5


def test_an_endless_loop_runs_out_of_gas() -> None:
    for body in ("loop br 0 end", "loop loop loop br 2 end end end", "loop i32.const 0 br_table 0 0 end", "loop i32.const 1 br_if 0 end"):
        ended = ran(f'(module (func (export "main") {body}))', fuel=1000)
        assert (ended.end, ended.used) == ("out_of_gas", 1000)


def test_unreachable_operators_are_never_charged() -> None:
    dead = "i32.const 1 i32.const 0 i32.div_s drop block loop br 0 end end i32.const 1 if unreachable else nop end"
    for body, fuel in (
        (f"return {dead}", 3),  # entry 2, return 1
        (f"block br 0 {dead} end i32.const 1 drop", 5),  # entry 2, br 1; const, drop 2
        (f"i32.const 0 if return {dead} end", 4),  # entry 2, const, if
        (f"block block br 1 end {dead} end", 3),  # nothing targets the inner block
        (f"block i32.const 0 br_table 0 0 {dead} end", 6),  # entry 2, const 1, br_table 3
    ):
        assert used(f'(module (func (export "main") {body}))') == fuel, body


def test_code_after_an_end_is_reached_by_the_first_arm_alone() -> None:
    # Only the arm before `else` falls through: 2 + const, if 2; nothing in the arm; const, drop 2.
    assert used('(module (func (export "main") i32.const 1 if nop else unreachable end i32.const 1 drop))') == 6


def test_plain_calls_do_not_cut_and_cutting_calls_do() -> None:
    text = """(module
        (import "env" "h" (func $h))
        (type $t (func)) (table 1 funcref)
        (func $leaf) (func $above call $leaf)
        (func $cuts call $h) (func $above_cuts call $cuts)
        (func $indirect i32.const 0 call_indirect (type $t))
        (func $dead return call $h)
        (func (export "main")
          call $leaf  call $above  call $dead
          call $h  call $cuts  call $above_cuts
          call $indirect  i32.const 0 call_indirect (type $t)  nop))"""
    main = prepare(wat(text)).codes[-1]
    # Blocks begin after $h, $cuts, $above_cuts, $indirect and after call_indirect; costs before each.
    assert [(at, fuel) for at, fuel in enumerate(main.taken) if fuel] == [(0, 2 + 3 * 4), (4, 3), (5, 3), (6, 3), (7, 9)]


def test_only_reachable_branches_cut_at_the_end_of_a_block() -> None:
    body = "block $b {inner} i32.const 5 drop end i32.const 6 drop"

    def taken(inner: str) -> dict[int, int]:
        text = f'(module (func (export "main") {body.format(inner=inner)}))'
        return {at: fuel for at, fuel in enumerate(prepare(wat(text)).codes[0].taken) if fuel}

    # 0 block, 1 const, 2 if, 3 return, 4 br, 5 end, 6 const, 7 drop, 8 end, 9 const, 10 drop. The br is dead: 6 to 10 are one block.
    assert taken("i32.const 1 if return br $b end") == {0: 4, 3: 1, 6: 4}
    # 0 block, 1 const, 2 if, 3 br, 4 return, 5 end: the br is reached, and what follows the block is a block.
    assert taken("i32.const 1 if br $b return end") == {0: 4, 3: 1, 6: 2, 9: 2}
    # 3 return, 4 const, 5 br_if, 6 end, all dead but the return.
    assert taken("i32.const 1 if return i32.const 0 br_if $b end") == {0: 4, 3: 1, 7: 4}
    # 3 return, 4 block, 5 loop, 6 br, 7 8 9 end, likewise.
    assert taken("i32.const 1 if return block loop br $b end end end") == {0: 4, 3: 1, 10: 4}


def test_prices_come_from_the_schedule() -> None:
    text = '(module (func (export "main") (local i32) block nop end i32.const 7 i32.const 2 i32.div_s drop))'
    priced = Schedule.from_toml(
        """
        [schedule]
        version = 9
        [operators]
        default = 10
        free = ["end"]
        [operators.cost]
        i32_div_s = 500
        nop = 3
        [function]
        entry = 10000
        local = 1000
        [dynamic]
        memory_word = 1
        memory_page = 1
        table_element = 1
        [instance]
        base = 100000
        memory_page = 0
        data_word = 0
        element = 0
        global = 0
        code_word = 0
        [stack]
        frame = 64
        operator = 2
        nested_call = 512
        [limits]
        memory_pages = 1
        table_elements = 1
        live_pages = 1
        stack_bytes = 1000
        call_depth = 1
        """
    )
    # 10000 + 1000 + block 10 + nop 3 + end 0 + const 10 + const 10 + div 500 + drop 10
    assert used(text, schedule=priced) == 11543
    assert used(text, schedule=priced, instance_charge=True) == 111543
