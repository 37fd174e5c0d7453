//! Gas of small modules, added up by hand from the rules of `docs/metering.md`, at every limit around it.

mod support;

use detent_gas::Form;
use support::*;
use wasmi::TrapCode;

/// Runs at ample gas, and at each limit from `used - 50` to `used + 1`: below `used` it is out of gas, at and above it all is equal.
fn exactly(text: &str, name: &str, args: &[u64], used: u64, end: End) {
    let ample = run_both(text, name, args, limits(1_000_000_000));
    assert_eq!((&ample.end, ample.used), (&end, used));
    for limit in used.saturating_sub(50)..=used + 1 {
        let ended = run_both(text, name, args, limits(limit));
        if limit < used {
            // A trap gives back what its block did not execute, so a block may be too dear although what executes of it is not.
            if ended.end == End::OutOfGas {
                assert_eq!(ended.used, limit);
            } else {
                panic!("{limit} of {used} sufficed: {ended:?}");
            }
        } else if matches!(end, End::Returned(_)) {
            assert_eq!((&ended.end, ended.used), (&end, used), "at {limit}");
        }
    }
}

#[test]
fn straight_line_code_costs_its_operators() {
    let text = r#"(module (func (export "f") (param i32 i32) (result i32) (local i64 i64)
        local.get 0 local.get 1 i32.add i32.const 3 i32.mul nop))"#;
    exactly(text, "f", &[5, 6], ENTRY + 2 + 5, End::Returned(vec![33]));
}

#[test]
fn a_loop_costs_each_time_round_and_an_if_only_the_arm_taken() {
    // per round: local.get if | arm | rest
    let text = r#"(module (func (export "f") (param $n i32) (result i32) (local $s i32)
        (block $out
          (loop $l
            local.get $n i32.eqz br_if $out
            local.get $n i32.const 1 i32.and
            if
              local.get $s i32.const 10 i32.add local.set $s
            else
              local.get $s i32.const 1 i32.add i32.const 2 i32.mul local.set $s
            end
            local.get $n i32.const 1 i32.sub local.set $n
            br $l))
        local.get $s))"#;
    // entry + 1 local; header 3 a round and once more to leave; if 4; arms 4 and 6; tail 5; last local.get 1
    let used = 2 + 1 + 3 * 5 + 4 * 4 + 2 * 4 + 2 * 6 + 4 * 5 + 1;
    let mut s = 0u64;
    for n in (1..=4).rev() {
        s = if n & 1 == 1 { s + 10 } else { (s + 1) * 2 };
    }
    exactly(text, "f", &[4], used, End::Returned(vec![s]));
}

#[test]
fn a_loop_of_nothing_costs_one_a_round() {
    // Out of gas is the only way out of the first; the second is three headers in a row.
    let forever = r#"(module (func (export "f") loop $a br $a end))"#;
    let ended = run_both(forever, "f", &[], limits(10_000));
    assert_eq!((ended.end, ended.used), (End::OutOfGas, 10_000));
    let nested = r#"(module (func (export "f") loop loop loop end end end))"#;
    exactly(nested, "f", &[], ENTRY + 3, End::Returned(vec![]));
    // Charged at each arrival: `br` costs 1, so a round of `loop br` costs 1 and not 2.
    let counted = r#"(module (func (export "f") (param $n i32) loop $a local.get $n i32.const 1 i32.sub local.tee $n br_if $a end))"#;
    exactly(counted, "f", &[10], ENTRY + 50, End::Returned(vec![]));
}

#[test]
fn an_inner_loop_that_branches_to_an_outer_one_pays() {
    // C1 of the adversarial shapes: `loop a { loop b { loop c { br b } } }`.
    let text = r#"(module (func (export "f") loop $a loop $b loop $c br $b end end end))"#;
    let ended = run_both(text, "f", &[], limits(1000));
    assert_eq!((ended.end, ended.used), (End::OutOfGas, 1000));
    let table = r#"(module (func (export "f") (param i32) loop $a loop $b loop $c local.get 0 br_table $a $b $c $a end end end))"#;
    for n in 0..4 {
        let ended = run_both(table, "f", &[n], limits(1000));
        assert_eq!((ended.end, ended.used), (End::OutOfGas, 1000));
    }
}

#[test]
fn unreachable_code_is_free_and_code_after_it_is_found_again() {
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (block $b (result i32)
          i32.const 1
          br $b
          i32.const 5 i32.mul
          (loop i32.const 9 drop br 0)
          (if (i32.const 1) (then (br $b (i32.const 2)) ) (else unreachable))
          i32.const 7)
        i32.const 2 i32.add))"#;
    exactly(text, "f", &[0], ENTRY + 2 + 2, End::Returned(vec![3]));
    // Both arms leave: what follows the `if` is never reached.
    let both = r#"(module (func (export "f") (param i32) (result i32)
        (block $b (result i32)
          (if (local.get 0) (then (br $b (i32.const 10))) (else (br $b (i32.const 20))))
          i32.const 1 i32.const 1 i32.add)))"#;
    exactly(both, "f", &[1], ENTRY + 2 + 2, End::Returned(vec![10]));
    exactly(both, "f", &[0], ENTRY + 2 + 2, End::Returned(vec![20]));
}

#[test]
fn br_table_and_multi_value_blocks_pay_the_path_taken() {
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (block $c (block $b (block $a
          local.get 0 br_table $a $b $c)
          i32.const 100 return)
          i32.const 200 i32.const 1 i32.add return)
        i32.const 300))"#;
    let table = ENTRY + prices("local_get br_table");
    exactly(text, "f", &[0], table + 2, End::Returned(vec![100]));
    exactly(text, "f", &[1], table + 4, End::Returned(vec![201]));
    exactly(text, "f", &[7], table + 1, End::Returned(vec![300]));
    let multi = r#"(module (func (export "f") (param i32) (result i32 i32)
        i32.const 1 local.get 0
        (block $b (param i32 i32) (result i32 i32)
           local.get 0 br_if $b
           i32.const 5 i32.add)
        i32.const 7 i32.add))"#;
    exactly(multi, "f", &[0], ENTRY + 2 + 2 + 2 + 2, End::Returned(vec![1, 12]));
    exactly(multi, "f", &[3], ENTRY + 2 + 2 + 2, End::Returned(vec![1, 10]));
}

#[test]
fn an_if_without_else_that_holds_calls_agrees_on_both_paths() {
    let text = r#"(module
        (func $leaf (param i32) (result i32) local.get 0 i32.const 1 i32.add)
        (func (export "f") (param i32) (result i32) (local $i i32)
          (loop $l
            (if (i32.and (local.get $i) (i32.const 1)) (then (local.set 0 (call $leaf (local.get 0)))))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 6))))
          local.get 0))"#;
    // header 4; then-arm local.get call local.set; leaf; rest 7 ops: get const add tee const lt br_if
    let leaf = ENTRY + 3;
    let used = 2 + 1 + 6 * 4 + 3 * (prices("local_get call local_set") + leaf) + 6 * 7 + 1;
    exactly(text, "f", &[100], used, End::Returned(vec![103]));
}

#[test]
fn code_after_an_if_is_reached_by_either_arm() {
    for (arms, reached) in [
        ("(then (local.set 0 (i32.const 7))) (else (return (i32.const 1)))", 1u64),
        ("(then (return (i32.const 1))) (else (local.set 0 (i32.const 7)))", 0),
    ] {
        let text =
            format!(r#"(module (func (export "f") (param i32) (result i32) (if (local.get 0) {arms}) local.get 0 i32.const 2 i32.add))"#);
        exactly(&text, "f", &[reached], ENTRY + 2 + 2 + 3, End::Returned(vec![9]));
        exactly(&text, "f", &[1 - reached], ENTRY + 2 + 2, End::Returned(vec![1]));
    }
}

/// Each trap in mid-block, with operators after it that were prepaid and are given back.
#[test]
fn a_trap_pays_what_executed() {
    let cases: &[(&str, u64, TrapCode)] = &[
        ("unreachable", 1, TrapCode::UnreachableCodeReached),
        ("i32.const 1 i32.const 0 i32.div_u drop", 2 + price("i32_div_u"), TrapCode::IntegerDivisionByZero),
        ("i32.const 1 i32.const 0 i32.rem_s drop", 2 + price("i32_rem_s"), TrapCode::IntegerDivisionByZero),
        ("i64.const 0x8000000000000000 i64.const -1 i64.div_s drop", 2 + price("i64_div_s"), TrapCode::IntegerOverflow),
        ("i32.const -1 i32.load drop", 2, TrapCode::MemoryOutOfBounds),
        ("i32.const 65536 i64.load8_u drop", 2, TrapCode::MemoryOutOfBounds),
        ("i32.const 65533 i32.const 1 i32.store", 3, TrapCode::MemoryOutOfBounds),
        ("f64.const nan i32.trunc_f64_s drop", 2, TrapCode::BadConversionToInteger),
        ("f32.const 1e30 i64.trunc_f32_u drop", 2, TrapCode::IntegerOverflow),
        ("i32.const 65000 i32.const 0 i32.const 1000 memory.fill", 3 + price("memory_fill") + 125, TrapCode::MemoryOutOfBounds),
        ("i32.const 0 i32.const 65535 i32.const 9 memory.copy", 3 + price("memory_copy") + 2, TrapCode::MemoryOutOfBounds),
        ("i32.const 0 i32.const 2 i32.const 8 memory.init $d", 3 + price("memory_init") + 1, TrapCode::MemoryOutOfBounds),
        ("i32.const 0 i32.const 0 i32.const 3 table.init $e", 3 + price("table_init") + 6, TrapCode::TableOutOfBounds),
        ("i32.const 9 i32.const 0 i32.const 2 table.copy", 3 + price("table_copy") + 4, TrapCode::TableOutOfBounds),
        ("i32.const 5 call_indirect (type $v)", 1 + price("call_indirect"), TrapCode::IndirectCallToNull),
        ("i32.const 0 call_indirect (type $v)", 1 + price("call_indirect"), TrapCode::BadSignature),
        ("i32.const 50 call_indirect (type $v)", 1 + price("call_indirect"), TrapCode::TableOutOfBounds),
    ];
    for (code, cost, trap) in cases {
        let text = format!(
            r#"(module (type $v (func)) (memory 1) (table 10 funcref) (elem (i32.const 0) $id) (elem $e func $id $id) (data $d "12345678")
            (func $id (param i32) (result i32) local.get 0)
            (func $deep (param i32) i32.const 1 drop {code} i32.const 2 drop i32.const 3 drop)
            (func $mid (param i32) local.get 0 call $deep i32.const 4 drop)
            (func (export "f") (param i32) (local i64) nop local.get 0 call $mid i32.const 9 drop i32.const 9 drop))"#
        );
        // f: entry, local, get, call | mid: entry, get, call | deep: entry, 2, and the case
        let used = (ENTRY + 1 + 1 + price("call")) + (ENTRY + 1 + price("call")) + (ENTRY + 2 + cost);
        let ended = run_both(&text, "f", &[0], limits(1_000_000));
        assert_eq!((&ended.end, ended.used), (&End::Trapped(*trap), used), "{code}");
    }
}

#[test]
fn out_of_gas_precedes_a_trap_later_in_its_block() {
    let text = r#"(module (func (export "f") i32.const 1 i32.const 0 i32.div_u drop i32.const 1 drop i32.const 1 drop))"#;
    let block = ENTRY + 2 + price("i32_div_u") + 1 + 4;
    let executed = block - 5;
    for limit in 0..block + 3 {
        let ended = run_both(text, "f", &[], limits(limit));
        if limit < block {
            assert_eq!((ended.end, ended.used), (End::OutOfGas, limit));
        } else {
            assert_eq!((ended.end, ended.used), (End::Trapped(TrapCode::IntegerDivisionByZero), executed));
        }
    }
}

#[test]
fn out_of_gas_in_a_later_block_loses_to_a_trap_in_an_earlier_one() {
    // The first block traps if the argument is 0, whatever the second would cost.
    let text = r#"(module (func (export "f") (param i32) (result i32)
        i32.const 6 local.get 0 i32.div_u
        local.get 0 if (result i32) i32.const 1 i32.const 2 i32.add else i32.const 3 end i32.add))"#;
    let first = ENTRY + 2 + price("i32_div_u") + 2;
    let ended = run_both(text, "f", &[0], limits(first));
    assert_eq!((ended.end, ended.used), (End::Trapped(TrapCode::IntegerDivisionByZero), first - 2));
    assert_eq!(run_both(text, "f", &[0], limits(first - 1)).end, End::OutOfGas);
    assert_eq!(run_both(text, "f", &[2], limits(first + 3)).end, End::OutOfGas);
    assert_eq!(run_both(text, "f", &[2], limits(first + 4)).end, End::Returned(vec![6]));
}

#[test]
fn a_trap_in_an_arm_before_the_end_of_a_function_pays_nothing_of_the_end() {
    let text = r#"(module (memory 1) (func (export "f") (param i32) (result i32)
        (if (i32.lt_u (local.get 0) (i32.const 5)) (then (drop (i32.load (i32.sub (local.get 0) (i32.const 5))))))
        (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3)))))"#;
    let used = ENTRY + 4 + 4;
    let trap = End::Trapped(TrapCode::MemoryOutOfBounds);
    for extra in 0..10 {
        let ended = run_both(text, "f", &[4], limits(used + 1 + extra));
        assert_eq!((&ended.end, ended.used), (&trap, used));
    }
    assert_eq!(run_both(text, "f", &[4], limits(used)).end, End::OutOfGas);
}

#[test]
fn recursion_pays_each_activation_and_a_trap_refunds_each() {
    let fib = r#"(module (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
          (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;
    fn cost(n: u64) -> u64 {
        let head = ENTRY + 4;
        if n < 2 { head + 1 } else { head + 7 + 2 * price("call") + cost(n - 1) + cost(n - 2) }
    }
    exactly(fib, "fib", &[12], cost(12), End::Returned(vec![144]));
    let down = r#"(module (func $f (export "f") (param i32)
        (if (i32.eqz (local.get 0)) (then unreachable))
        (call $f (i32.sub (local.get 0) (i32.const 1)))
        i32.const 1 drop i32.const 1 drop))"#;
    let (head, call) = (ENTRY + 3, 3 + price("call"));
    for depth in [0u64, 1, 1000] {
        let ended = run_both(down, "f", &[depth], limits(1 << 40));
        assert_eq!((ended.end, ended.used), (End::Trapped(TrapCode::UnreachableCodeReached), (head + call) * depth + head + 1));
    }
}

#[test]
fn host_calls_see_exact_gas_and_end_blocks() {
    let text = r#"(module (import "t" "log" (func $log (param i32))) (import "t" "trap" (func $trap))
        (func $deep (param i32) local.get 0 call $log i32.const 1 drop)
        (func (export "f") (param i32) i32.const 5 call $log i32.const 6 call $deep i32.const 7 call $log nop)
        (func (export "g") i32.const 1 drop call $trap i32.const 1 drop))"#;
    let call = price("call");
    let ended = run_both(text, "f", &[0], limits(1000));
    let at = [ENTRY + 1 + call, ENTRY + 1 + call + 1 + call + ENTRY + 1 + call, 2 * ENTRY + 4 * call + 3 + 2 + 1];
    let seen: Vec<_> = ended.seen.iter().map(|s| (s.args[0], 1000 - s.gas as u64)).collect();
    assert_eq!(seen, [(5, at[0]), (6, at[1]), (7, at[2])]);
    assert_eq!(ended.used, at[2]);
    // At each limit the host sees exactly the calls whose blocks were paid.
    for limit in 0..=at[2] {
        let ended = run_both(text, "f", &[0], limits(limit));
        assert_eq!(ended.seen.len(), at.iter().filter(|a| **a <= limit).count(), "at {limit}");
        assert_eq!(ended.end == End::OutOfGas, limit < at[2]);
    }
    let trapped = run_both(text, "g", &[], limits(1000));
    assert_eq!((trapped.end, trapped.used), (End::Host, ENTRY + 2 + call));
}

#[test]
fn a_leaf_that_exhausts_the_cell_is_noticed_before_the_host() {
    // The leaf has no test of its own; the import comes in the same block after it.
    let text = r#"(module (import "t" "log" (func $log (param i32)))
        (func $leaf (param i32) (result i32) local.get 0 i32.const 1 i32.add i32.const 2 i32.mul)
        (func (export "f") i32.const 1 call $leaf call $log))"#;
    let used = ENTRY + 1 + 2 * price("call") + ENTRY + 5;
    assert_eq!(run_both(text, "f", &[], limits(used)).seen.len(), 1);
    let short = run_both(text, "f", &[], limits(used - 1));
    assert_eq!((short.end, short.seen.len()), (End::OutOfGas, 0));
}

#[test]
fn a_trap_after_an_unnoticed_exhaustion_is_out_of_gas() {
    let text = r#"(module (memory 1)
        (func $leaf (param i32) (result i32) local.get 0 i32.load)
        (func (export "f") (param i32) (result i32) local.get 0 call $leaf i32.const 1 drop))"#;
    let block = ENTRY + 3 + price("call");
    let leaf = ENTRY + 2;
    let trap = End::Trapped(TrapCode::MemoryOutOfBounds);
    assert_eq!(run_both(text, "f", &[u64::from(u32::MAX)], limits(block + leaf - 1)).end, End::OutOfGas);
    let ended = run_both(text, "f", &[u64::from(u32::MAX)], limits(block + leaf));
    assert_eq!((ended.end, ended.used), (trap, block + leaf - 2));
}

#[test]
fn memory_grows_within_cap_and_allowance_and_pays_what_was_asked() {
    let text = r#"(module (memory 1 2000) (func (export "f") (param i32) (result i32) local.get 0 memory.grow)
        (func (export "two") (param i32 i32) (result i32) (drop (memory.grow (local.get 0))) (memory.grow (local.get 1))))"#;
    let fixed = ENTRY + 1 + price("memory_grow");
    let minus = u64::from(u32::MAX);
    let rich = limits(1 << 40);
    for (delta, result, paid, flags, pages) in [
        (0u64, 1u64, 0u64, 0, 4096),
        (1, 1, 1, 1, 4095),
        (1023, 1, 1023, 1, 4096 - 1023),
        (1024, minus, 1024, 0, 4096),
        (1025, minus, 1025, 0, 4096),
        (1026, minus, 1025, 0, 4096),
        (minus, minus, 1025, 0, 4096),
    ] {
        let ended = run_both(text, "f", &[delta], rich);
        assert_eq!((ended.end, ended.used), (End::Returned(vec![result]), fixed + paid * 4096), "{delta}");
        assert_eq!((ended.flags, ended.pages), (flags, pages), "{delta}");
    }
    let poor = Limits { pages: 3, ..rich };
    let ended = run_both(text, "two", &[2, 2], poor);
    assert_eq!((ended.end, ended.pages, ended.flags), (End::Returned(vec![minus]), 1, 1));
    assert_eq!(run_both(text, "two", &[2, 1], poor).end, End::Returned(vec![3]));
    assert_eq!(run_both(text, "two", &[3, 0], poor).end, End::Returned(vec![4]));
    // Out of gas comes before growth.
    for limit in [fixed - 1, fixed + 4095] {
        assert_eq!(run_both(text, "f", &[1], limits(limit)).end, End::OutOfGas);
    }
}

#[test]
fn bulk_operators_pay_their_length_before_their_bounds() {
    let text = r#"(module (memory 1) (func (export "f") (param i32) i32.const 0 i32.const 7 local.get 0 memory.fill))"#;
    let fixed = ENTRY + 3 + price("memory_fill");
    exactly(text, "f", &[0], fixed, End::Returned(vec![]));
    exactly(text, "f", &[1], fixed + 1, End::Returned(vec![]));
    exactly(text, "f", &[8], fixed + 1, End::Returned(vec![]));
    exactly(text, "f", &[9], fixed + 2, End::Returned(vec![]));
    exactly(text, "f", &[65536], fixed + 8192, End::Returned(vec![]));
    let most = 1u64 << 29;
    assert_eq!(run_both(text, "f", &[u64::from(u32::MAX)], limits(fixed + most - 1)).end, End::OutOfGas);
    let ended = run_both(text, "f", &[u64::from(u32::MAX)], limits(fixed + most));
    assert_eq!((ended.end, ended.used), (End::Trapped(TrapCode::MemoryOutOfBounds), fixed + most));
}

#[test]
fn flags_say_what_was_really_reached() {
    let text = r#"(module (memory 1) (table 4 funcref) (elem $e func $f) (data $d "abc")
        (func $f)
        (func (export "drops") (param i32) (if (local.get 0) (then data.drop $d)))
        (func (export "elem") elem.drop $e)
        (func (export "init") i32.const 0 i32.const 0 i32.const 1 table.init $e)
        (func (export "copy") i32.const 0 i32.const 0 i32.const 0 table.copy))"#;
    let flags = |name: &str, args: &[u64]| run_both(text, name, args, limits(1000)).flags;
    assert_eq!((flags("drops", &[0]), flags("drops", &[1])), (0, 2));
    assert_eq!((flags("elem", &[]), flags("init", &[]), flags("copy", &[])), (2, 4, 4));
}

#[test]
fn the_start_function_is_an_export_and_does_not_run_by_itself() {
    let text = r#"(module (global $g (mut i32) (i32.const 1)) (start $s)
        (func $s i32.const 5 global.set $g)
        (func (export "f") (result i32) global.get $g))"#;
    let form = form(text, Form::Fine);
    assert!(form.facts.start);
    let mut machine = Machine::new(&form);
    assert_eq!(machine.run("f", &[], limits(100)).end, End::Returned(vec![1]));
    let ended = machine.run("detent:start", &[], limits(100));
    assert_eq!((ended.end, ended.used), (End::Returned(vec![]), ENTRY + 1 + price("global_set")));
    assert_eq!(machine.run("f", &[], limits(100)).end, End::Returned(vec![5]));
}

#[test]
fn a_callback_refunds_its_own_activations_only() {
    let text = r#"(module (import "t" "back" (func $back (result i32)))
        (func (export "target") i32.const 1 drop unreachable)
        (func $mid (result i32) call $back i32.const 10 i32.mul)
        (func (export "f") (result i32) call $mid i32.const 3 i32.add i32.const 1 drop))"#;
    let call = price("call");
    let ended = run_both(text, "f", &[], limits(1000));
    // `target` trapped with nothing after it in its block.
    let used = ENTRY + call + ENTRY + call + (ENTRY + 3) + 2 + 4;
    assert_eq!((ended.end, ended.used), (End::Returned(vec![13]), used));
    // The inner trap gives back its own; a later trap of the outer entry gives back the outer's.
    let text = r#"(module (import "t" "back" (func $back (result i32))) (memory 1)
        (func (export "target") i32.const -1 i32.load drop i32.const 1 drop)
        (func $f call $back i32.const -4 i32.add i32.load drop i32.const 1 drop)
        (func (export "f") call $f i32.const 1 drop))"#;
    let fine = run(text, "f", &[], limits(1000));
    let used = ENTRY + call + ENTRY + call + (ENTRY + 2) + 3;
    assert_eq!((fine.end, fine.used), (End::Trapped(TrapCode::MemoryOutOfBounds), used));
}

#[test]
fn unmetered_forms_charge_nothing() {
    let text = r#"(module (memory 1) (func (export "f") (param i32) (result i32)
        (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        i32.const 0 i32.const 0 i32.const 8 memory.fill (memory.grow (i32.const 1))))"#;
    let wasm = wat::parse_str(text).unwrap();
    for form in [Form::Side, Form::Fine] {
        let unmetered = detent_gas::Options { metering: false, ..options(form) };
        let out = rewritten(&wasm, &unmetered, detent_protocol::Schedule::current());
        assert!(out.side.is_empty());
        let ended = Machine::new(&out).run("f", &[100], limits(5));
        assert_eq!((ended.end, ended.used, ended.flags), (End::Returned(vec![1]), 0, 1));
    }
}
