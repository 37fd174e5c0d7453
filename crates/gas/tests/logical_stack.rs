//! Section 5 of `docs/metering.md`: who is checked, against what, and what callees and hosts see.

mod support;

use detent_gas::Form;
use detent_protocol::Schedule;
use support::*;
use wasmi::TrapCode;

/// frame = 8 * (parameters + locals + peak) + stack.frame
fn frame(values: u64) -> i32 {
    (8 * values + u64::from(Schedule::current().stack.frame)) as i32
}

fn at(rest: i32) -> Limits {
    Limits { rest, ..limits(1 << 40) }
}

#[test]
fn recursion_overflows_exactly_at_the_budget_and_the_refused_entry_pays_nothing() {
    let text = r#"(module (func $f (export "f") (param i32)
        (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))))"#;
    let frame = frame(1 + 2);
    let activation = ENTRY + 2 + 3 + price("call");
    for depth in [0u64, 1, 7, 1000] {
        let needed = frame * (depth as i32 + 1);
        let last = ENTRY + 2;
        let enough = run_both(text, "f", &[depth], at(needed));
        assert_eq!((enough.end, enough.used), (End::Returned(vec![]), activation * depth + last));
        for short in [needed - 1, needed - 8] {
            let ended = run_both(text, "f", &[depth], at(short));
            assert_eq!((ended.end, ended.used), (End::StackOverflow, activation * depth));
        }
    }
    assert_eq!(run_both(text, "f", &[0], at(-1)).end, End::StackOverflow);
}

#[test]
fn overflow_refunds_what_callers_had_prepaid() {
    let text = r#"(module (func $f (export "f") call $f i32.const 1 drop i32.const 2 drop))"#;
    let ended = run_both(text, "f", &[], at(10 * frame(1)));
    assert_eq!((ended.end, ended.used), (End::StackOverflow, 10 * (ENTRY + price("call"))));
}

#[test]
fn out_of_gas_of_the_caller_precedes_overflow_of_the_callee() {
    let text = r#"(module (func $f (export "f") call $f i32.const 1 drop))"#;
    let block = ENTRY + price("call") + 2;
    let two = Limits { rest: 2 * frame(1), ..limits(2 * block) };
    assert_eq!(run_both(text, "f", &[], two).end, End::StackOverflow);
    let short = run_both(text, "f", &[], Limits { fuel: 2 * block - 1, ..two });
    assert_eq!((short.end, short.used), (End::OutOfGas, 2 * block - 1));
}

#[test]
fn functions_on_no_cycle_are_checked_once_from_the_host() {
    let text = r#"(module
        (func $c (param i64) (result i64) (local i64 i64) local.get 0 local.get 1 local.get 2 i64.add i64.add)
        (func $b (result i64) i64.const 1 call $c)
        (func $other (local i32) )
        (func (export "a") (result i64) call $other call $b))"#;
    let bound = frame(1) + frame(1) + frame(1 + 2 + 3);
    assert_eq!(run_both(text, "a", &[], at(bound)).end, End::Returned(vec![1]));
    let short = run_both(text, "a", &[], at(bound - 1));
    assert_eq!((short.end, short.used), (End::StackOverflow, 0));
    // Nothing takes the hidden parameter: types of inner functions stay.
    let form = form(text, Form::Side);
    assert_eq!(form.facts.origin.iter().filter(|o| o.is_some()).count(), 4);
}

#[test]
fn a_counted_function_reserves_what_lies_uncounted_below_it() {
    let text = r#"(module
        (func $leaf (param i32) (result i32) (local i64 i64 i64 i64) local.get 0)
        (func $f (export "f") (param i32) (result i32)
          (if (result i32) (i32.eqz (local.get 0)) (then (call $leaf (i32.const 5)))
            (else (call $f (i32.sub (local.get 0) (i32.const 1)))))))"#;
    let (f, leaf) = (frame(1 + 2), frame(1 + 4 + 1));
    assert_eq!(run_both(text, "f", &[3], at(4 * f + leaf)).end, End::Returned(vec![5]));
    assert_eq!(run_both(text, "f", &[3], at(4 * f + leaf - 1)).end, End::StackOverflow);
    // The reserve is wanted by each activation, also where the leaf is not called in the end.
    assert_eq!(run_both(text, "f", &[3], at(3 * f + leaf)).end, End::StackOverflow);
}

#[test]
fn a_chain_over_the_limit_is_counted_where_it_exceeds_it() {
    // Frames of 20,000 locals.
    let limit = Schedule::current().stack.frame + 8 * 20_000;
    let per = i64::from(limit);
    let fit = i64::from(Schedule::current().limits.stack_bytes) / per;
    let count = fit + 2;
    let locals = "i64 ".repeat(20_000);
    let mut text = String::from("(module ");
    for i in 0..count {
        let call = if i + 1 < count { format!("call $f{}", i + 1) } else { String::new() };
        text += &format!("(func $f{i} (export \"f{i}\") (local {locals}) {call})");
    }
    text += ")";
    let full = at(Schedule::current().limits.stack_bytes as i32);
    let entered = ENTRY + 20_000 + price("call");
    // f2 heads the longest chain that fits. f1 is one too many: counted, and never enterable. f0 is not counted: its callee is.
    assert!(matches!(run(&text, "f2", &[], full).end, End::Returned(_)));
    let one = run(&text, "f1", &[], full);
    assert_eq!((one.end, one.used), (End::StackOverflow, 0));
    let zero = run(&text, "f0", &[], full);
    assert_eq!((zero.end, zero.used), (End::StackOverflow, entered));
    assert_eq!(run(&text, "f0", &[], at(per as i32 - 1)).used, 0);
}

/// Even and odd through a table; `plain` shares their type and needs nothing; `other` has a type of its own.
const INDIRECT: &str = r#"(module
    (type $t (func (param i32) (result i32))) (type $u (func (param i64) (result i64)))
    (table 8 funcref) (elem (i32.const 0) $even $odd $plain $other)
    (elem (i32.const 4) funcref (ref.func $plain) (ref.null func) (item ref.func $odd))
    (func $even (export "even") (type $t)
      (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
        (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
    (func $odd (type $t)
      (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
        (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
    (func $plain (export "plain") (type $t) (local $x i32) (local.set $x (i32.const 3)) (i32.add (local.get 0) (local.get $x)))
    (func $other (type $u) (i64.add (local.get 0) (i64.const 1)))
    (func (export "pick") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0)))
    (func (export "long") (param i32 i64) (result i64) (call_indirect (type $u) (local.get 1) (local.get 0))))"#;

#[test]
fn indirect_calls_pass_the_stack_on_and_keep_their_meaning() {
    // even: one parameter, operands (n - 1) and the table index; it could call `plain`
    let (f, plain) = (frame(1 + 2), frame(1 + 1 + 2));
    assert_eq!(run_both(INDIRECT, "even", &[10], at(11 * f + plain)).end, End::Returned(vec![1]));
    assert_eq!(run_both(INDIRECT, "even", &[11], at(12 * f + plain)).end, End::Returned(vec![0]));
    assert_eq!(run_both(INDIRECT, "even", &[11], at(12 * f + plain - 1)).end, End::StackOverflow);
    assert_eq!(run_both(INDIRECT, "plain", &[5], at(plain)).end, End::Returned(vec![8]));
    let rich = at(1 << 20);
    for (place, end) in [
        (2, End::Returned(vec![13])),
        (4, End::Returned(vec![13])),
        (6, End::Returned(vec![0])),
        (3, End::Trapped(TrapCode::BadSignature)),
        (5, End::Trapped(TrapCode::IndirectCallToNull)),
        (9, End::Trapped(TrapCode::TableOutOfBounds)),
    ] {
        assert_eq!(run_both(INDIRECT, "pick", &[place, 10], rich).end, end, "{place}");
    }
    assert_eq!(run_both(INDIRECT, "long", &[3, 41], rich).end, End::Returned(vec![42]));
    assert_eq!(run_both(INDIRECT, "long", &[2, 41], rich).end, End::Trapped(TrapCode::BadSignature));
}

#[test]
fn an_indirect_call_reserves_for_the_deepest_of_its_type() {
    let text = r#"(module (type $t (func (result i32))) (table 2 funcref) (elem (i32.const 0) $small $big)
        (func $small (type $t) i32.const 1)
        (func $big (type $t) (local i64 i64 i64 i64 i64) i32.const 2)
        (func (export "f") (param i32) (result i32) local.get 0 call_indirect (type $t)))"#;
    let bound = frame(1 + 1) + frame(5 + 1);
    assert_eq!(run_both(text, "f", &[0], at(bound)).end, End::Returned(vec![1]));
    assert_eq!(run_both(text, "f", &[0], at(bound - 1)).end, End::StackOverflow);
}

#[test]
fn a_nested_host_call_sees_the_rest_of_its_caller() {
    let text = r#"(module
        (type $n (func (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32))) (type $l (func (param i32)))
        (import "pyde" "cross_call" (func $cross (type $n))) (import "t" "log" (func $log (type $l)))
        (table 4 funcref) (elem (i32.const 0) $cross $log $own)
        (func $own (type $n) (local i32) i32.const 9)
        (func $inner (result i32) (local i64)
          (call $cross (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i64.const 7) (i32.const 8) (i32.const 9)))
        (func (export "f") (result i32) call $inner)
        (func (export "table") (param i32) (result i32)
          (call_indirect (type $n) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i64.const 7) (i32.const 8) (i32.const 9)
            (local.get 0)))
        (func (export "log") (call_indirect (type $l) (i32.const 5) (i32.const 1))))"#;
    let rest = 100_000;
    let ended = run_both(text, "f", &[], at(rest));
    assert_eq!(ended.end, End::Returned(vec![1]));
    assert_eq!(ended.seen[0].args, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(ended.seen[0].rest, rest - frame(1) - frame(1 + 9));
    let ended = run_both(text, "table", &[0], at(rest));
    assert_eq!((ended.end, ended.seen[0].rest), (End::Returned(vec![1]), rest - frame(1 + 10)));
    assert_eq!(ended.seen[0].args, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(run_both(text, "table", &[2], at(rest)).end, End::Returned(vec![9]));
    // An import in a table whose type nobody widened is called as it is.
    let ended = run_both(text, "log", &[], at(rest));
    assert_eq!((ended.end, ended.seen.len()), (End::Returned(vec![]), 1));
}

#[test]
fn a_host_function_that_comes_back_closes_a_cycle() {
    let text = r#"(module (import "t" "back" (func $back (result i32)))
        (func $target (export "target") (drop (call $back)))
        (func (export "apart") i32.const 1 drop))"#;
    let per = frame(1) + Schedule::current().stack.nested_call as i32;
    // Each round costs a frame and the nested call's constant; the round that overflows is told to its caller, so all is well in the end.
    for rounds in 1..5 {
        let ended = run_both(text, "target", &[], at(rounds * per));
        assert_eq!((ended.end, ended.seen.len()), (End::Returned(vec![]), rounds as usize));
        assert!(ended.seen.iter().enumerate().all(|(i, s)| s.rest == rounds * per - i as i32 * per - frame(1)));
    }
    // Not on the cycle: bound, not reserve, and no hidden parameter.
    assert_eq!(run_both(text, "apart", &[], at(frame(1))).end, End::Returned(vec![]));
}

#[test]
fn peak_counts_reachable_operands_only_and_those_of_enclosing_constructs() {
    let text = r#"(module (func (export "f") (result i32)
        i32.const 1 i32.const 2
        (block (param i32 i32) (result i32)
          i32.const 3 i32.const 4 i32.add i32.add i32.add
          br 0
          i32.const 1 i32.const 1 i32.const 1 i32.const 1 i32.const 1 i32.const 1 i32.const 1 drop drop drop drop drop drop)))"#;
    assert!(matches!(run_both(text, "f", &[], at(frame(4))).end, End::Returned(_)));
    assert_eq!(run_both(text, "f", &[], at(frame(4) - 1)).end, End::StackOverflow);
}

#[test]
fn reachable_operators_take_their_share_and_structure_takes_none() {
    // get, eqz, if, return; get, const, sub, call: 8 operators; block, loop, end, else and nop are none, nor are dead ones
    let text = r#"(module (func $f (export "f") (param i32)
        nop block loop local.get 0 i32.eqz if return i64.const 9 drop else nop end end end
        local.get 0 i32.const 1 i32.sub call $f))"#;
    let per = frame(1 + 2) + 8 * Schedule::current().stack.operator as i32;
    for form in [Form::Side, Form::Fine] {
        let module = form_by(text, form, Schedule::current());
        assert_eq!(Machine::new(&module).run("f", &[3], at(4 * per)).end, End::Returned(vec![]));
        assert_eq!(Machine::new(&module).run("f", &[3], at(4 * per - 1)).end, End::StackOverflow);
    }
}
