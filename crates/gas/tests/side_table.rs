//! Refunds are found where an engine says that an activation stands.

mod support;

use detent_gas::{Deterministic, Form};
use support::*;
use wasmparser::{Operator, Parser, Payload};

const MIXED: &str = r#"(module (import "t" "log" (func $log (param i32))) (memory 1 10) (table 4 funcref) (elem (i32.const 0) $g $h) (data $d "abcdefgh") (data (i32.const 0) "xyz")
    (global $q (mut f64) (f64.const 1))
    (func $leaf (param i32) (result i32) (i32.div_u (i32.load (local.get 0)) (i32.load offset=300 (local.get 0))))
    (func $g (param i32) (result i32) (call $leaf (i32.add (local.get 0) (call $leaf (i32.const 4)))))
    (func $h (param i32) (result i32) (if (result i32) (local.get 0) (then (call $h (i32.sub (local.get 0) (i32.const 1)))) (else (call $leaf (i32.const 1)))))
    (func (export "f") (param i32) (result i32) (local i64 f64 f32)
      (local.set 1 (i64.rem_s (i64.load (local.get 0)) (i64.const 3)))
      (memory.fill (i32.const 1) (i32.const 2) (local.get 0)) (memory.copy (i32.const 1) (i32.const 2) (i32.const 3))
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d)
      (global.set $q (f64.sqrt (f64.div (global.get $q) (f64.load (local.get 0)))))
      (loop $l
        (i32.store8 (local.get 0) (i32.trunc_f64_s (global.get $q)))
        (call $log (call $leaf (local.get 0)))
        (drop (memory.grow (i32.const 1)))
        (br_if $l (call_indirect (param i32) (result i32) (i32.const 0) (i32.const 0))))
      (if (local.get 0) (then unreachable))
      (i32.store16 (i32.const 3) (call $h (i32.wrap_i64 (i64.extend_i32_s (local.get 0)))))
      (table.copy (i32.const 0) (i32.const 1) (i32.const 1)) (call $leaf (i32.const 3))))"#;

fn stands(operator: &Operator<'_>) -> bool {
    standing::stands(operator) && !matches!(operator, Operator::Unreachable)
}

/// Operators of the original's functions, with offsets.
fn operators(form: &Deterministic) -> Vec<Vec<(Operator<'_>, usize)>> {
    let imported = form.facts.imports.len();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(&form.wasm) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            if form.facts.origin[imported + bodies.len()].is_none() {
                break;
            }
            bodies.push(body.get_operators_reader().unwrap().into_iter_with_offsets().map(Result::unwrap).collect());
        }
    }
    bodies
}

/// What the places of a function's original traps and calls refund, by the side table.
fn by_table(form: &Deterministic) -> Vec<Vec<u64>> {
    let helper = |o: &Operator<'_>| matches!(o, Operator::Call { function_index } if form.facts.origin[*function_index as usize].is_none());
    let refund = |body: Vec<(Operator<'_>, usize)>| {
        body.iter().filter(|(o, _)| stands(o) && !helper(o)).map(|(_, at)| form.side.refund(*at as u32)).collect()
    };
    operators(form).into_iter().map(refund).collect()
}

/// The same by the writes of `detent:owed` in the fine form.
fn by_owed(form: &Deterministic, owed: u32) -> Vec<Vec<u64>> {
    let helper = |o: &Operator<'_>| matches!(o, Operator::Call { function_index } if form.facts.origin[*function_index as usize].is_none());
    let mut all = Vec::new();
    for body in operators(form) {
        let mut last = 0;
        let mut list = Vec::new();
        for (i, (operator, _)) in body.iter().enumerate() {
            match operator {
                Operator::GlobalSet { global_index } if *global_index == owed => {
                    last = match (&body[i - 2].0, &body[i - 1].0) {
                        (Operator::I64Const { value }, Operator::I64Add) => *value as u64,
                        (_, Operator::LocalGet { .. }) => 0,
                        other => panic!("unknown way to write what is owed: {other:?}"),
                    };
                }
                o if stands(o) && !helper(o) => list.push(last),
                _ => {}
            }
        }
        all.push(list);
    }
    all
}

#[test]
fn every_entry_lies_at_the_start_of_an_operator_that_can_trap_or_call() {
    let form = form(MIXED, Form::Side);
    assert!(form.side.len() > 10, "{}", form.side.len());
    let all: Vec<_> = operators(&form).into_iter().flatten().collect();
    for (offset, place) in form.side.places() {
        let (operator, _) = all.iter().find(|(_, at)| *at == offset as usize).expect("an operator begins here");
        assert!(stands(operator) && (place.refund > 0 || place.unpaid > 0), "{operator:?} has {place:?}");
        // What calls finds an exact cell.
        assert!(
            place.unpaid == 0 || !matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. }),
            "{operator:?} has {place:?}"
        );
    }
}

/// Cranelift makes one instruction of a conditional branch and the `unreachable` behind it, and reports the branch's offset.
#[test]
fn nothing_is_settled_at_unreachable() {
    for body in [
        "(if (local.get 0) (then unreachable)) i32.const 1 drop",
        "(if (local.get 0) (then) (else unreachable)) i32.const 1 drop",
        "(block (block (br_if 1 (local.get 0)) (br_table 0 1 0 (local.get 0))) unreachable) (i32.const 1) drop",
        "(loop (if (local.get 0) (then unreachable)) (br_if 0 (local.get 0)))",
        "(if (local.get 0) (then unreachable) (else unreachable))",
    ] {
        let text = format!("(module (func (export \"f\") (param i32) {body}))");
        assert!(form(&text, Form::Side).side.is_empty(), "{body}");
    }
}

/// Nor where a compiler can know that an access is out of bounds; there the form gives back in advance what comes after.
#[test]
fn nothing_is_settled_at_accesses_that_must_trap() {
    let text = r#"(module (memory 1 2) (func (export "f") (param i32)
        (if (local.get 0) (then (drop (i32.load offset=131069 (i32.const 0))) (i32.store8 (i32.const 0) (i32.const 1))))
        (loop (i64.store offset=4000000000 (local.get 0) (i64.const 0)) (br_if 0 (local.get 0)))))"#;
    let side = form(text, Form::Side);
    // Only the plain store has anything.
    assert_eq!(side.side.len(), 1);
    let call = |arg, fuel| run_both(text, "f", &[arg], limits(fuel));
    let trap = End::Trapped(wasmi::TrapCode::MemoryOutOfBounds);
    // Arm: const load drop const const store; of them two executed. Loop: get const store get br_if; three executed.
    let (taken, skipped) = (ENTRY + 2 + 2, ENTRY + 2 + 3);
    assert_eq!((call(1, 1000).end, call(1, 1000).used), (trap.clone(), taken));
    assert_eq!((call(0, 1000).end, call(0, 1000).used), (trap.clone(), skipped));
    // The whole block is what must be paid for.
    assert_eq!((call(1, taken + 3).end, call(1, taken + 4).end), (End::OutOfGas, trap.clone()));
    assert_eq!((call(0, skipped + 1).end, call(0, skipped + 2).end), (End::OutOfGas, trap));
}

#[test]
fn the_fine_form_owes_what_the_side_table_refunds() {
    let side = form(MIXED, Form::Side);
    let fine = form(MIXED, Form::Fine);
    assert!(fine.side.is_empty());
    // One global of the module, then gas, rest, pages, status, flags.
    let (table, owed) = (by_table(&side), by_owed(&fine, 6));
    assert_eq!(table, owed);
    assert!(table.iter().flatten().filter(|r| **r > 0).count() > 10);
}

#[test]
fn refunds_are_the_costs_of_the_operators_that_follow_in_the_block() {
    let text = r#"(module (memory 1) (func $leaf (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "f") (param i32) (result i32)
          (i32.mul (i32.load (local.get 0)) (call $leaf (i32.const 1)))
          (i32.load (i32.const 5)) i32.add))"#;
    // Of `f`: get load const call mul const load add, one block: after load const call mul const load add, after call mul const load add, after load add.
    let call = price("call");
    assert_eq!(by_table(&form(text, Form::Side)), [vec![0], vec![1 + call + 4, 4, 1]]);
}
