//! Both engines, each with its form from the real rewriter: the same end and the same fuel for everything that can happen.

mod common;

use common::*;
use detent_engine::{Artefact, Budget, Call, End, Ended, Exit, Host, Instance, Reply, Trap};
use detent_gas::{Options, rewrite};
use detent_protocol::Schedule;
use std::sync::Arc;

/// Rewrites and compiles for each engine.
fn rewritten(text: &str) -> Vec<Arc<dyn Artefact>> {
    let wasm = wat::parse_str(text).unwrap();
    let compile = |engine: &Arc<dyn detent_engine::Engine>| {
        let options = Options { form: engine.form(), metering: true, reenters: vec![("e".into(), "h".into())] };
        engine.compile(Arc::new(rewrite(&wasm, Schedule::current(), &options).unwrap())).unwrap()
    };
    engines().iter().map(compile).collect()
}

/// Answers 0; 1: callback of `inner`; 2: trap; 3: stop; 4: charge 1000.
struct Scripted;

impl Host for Scripted {
    fn call(&mut self, _: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        match args[0] {
            1 => Ok(Reply::CallBack { entry: "inner".into(), args: vec![args[1]] }),
            2 => Err(Exit::Trap("asked to".into())),
            3 => Err(Exit::Stop),
            4 => instance.charge(1000).map(|()| Reply::Value(instance.fuel() & 0xffff_ffff)),
            _ => Ok(Reply::Value(instance.rest() as u64)),
        }
    }

    fn resume(&mut self, ended: End, instance: &mut dyn Instance) -> Result<Reply, Exit> {
        let code = match ended {
            End::Returned(values) => values[0],
            End::Trapped(_) => 1 << 20,
            End::StackOverflow => 2 << 20,
            End::OutOfGas => 3 << 20,
            other => panic!("{other:?}"),
        };
        Ok(Reply::Value((code + instance.fuel()) & 0xffff_ffff))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

fn run_both(all: &[Arc<dyn Artefact>], call: &Call<'_>) -> Ended {
    let mut ends = all.iter().map(|artefact| {
        let (_, ended) = artefact.run(Box::new(Scripted), call);
        Ended { frames: Vec::new(), ..ended.unwrap_or_else(|fault| panic!("{call:?}: {fault}")) }
    });
    let first = ends.next().unwrap();
    for other in ends {
        assert_eq!(first, other, "{call:?}");
    }
    first
}

const EVERYTHING: &str = r#"(module (import "e" "h" (func $h (param i32 i32) (result i32))) (memory (export "memory") 1 20)
    (table 4 funcref) (elem (i32.const 0) $leaf $down) (type $one (func (param i32) (result i32)))
    (global $g (mut i32) (i32.const 3)) (data (i32.const 100) "abc") (start $start)
    (func $start (global.set $g (i32.const 4)))
    (func (export "_initialize") (i32.store (i32.const 8) (global.get $g)))
    (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $down (param i32) (result i32) (local i64 i64)
      (if (result i32) (local.get 0) (then (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
        (else (i32.const 5))))
    (func (export "arithmetic") (param i32) (result i32) (drop (call $leaf (i32.const 1)))
      (i32.add (i32.div_u (i32.const 100) (local.get 0)) (i32.mul (i32.const 3) (i32.const 4))))
    (func (export "load") (param i32) (result i32) (i32.add (i32.load (local.get 0)) (i32.add (i32.load offset=4 (local.get 0)) (i32.const 1))))
    (func (export "indirect") (param i32) (result i32) (i32.add (call_indirect (type $one) (i32.const 9) (local.get 0)) (i32.const 1)))
    (func (export "deep") (param i32) (result i32) (call $down (local.get 0)))
    (func (export "deep_trap") (param i32) (result i32) (i32.div_u (i32.const 1) (i32.sub (call $down (local.get 0)) (i32.add (local.get 0) (i32.const 5)))))
    (func (export "loop") (param i32) (result i32) (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0))) (local.get 0))
    (func (export "grow") (param i32) (result i32) (drop (memory.grow (local.get 0))) (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4)) (i32.const 1)) (memory.grow (i32.const 1)))
    (func (export "bulk") (param i32) (result i32) (memory.fill (i32.const 0) (i32.const 7) (local.get 0)) (i32.load (i32.const 0)))
    (func (export "check") (param i32) (result i32) (if (i32.gt_u (local.get 0) (i32.const 3)) (then unreachable)) (i32.add (local.get 0) (i32.const 1)))
    (func (export "check_late") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (block $b (br_if $b (i32.lt_u (local.get 0) (i32.const 3))) (i32.store (i32.const 4) (i32.const 2)) unreachable) (i32.const 1))
    (func (export "check_arms") (param i32) (result i32) (if (local.get 0) (then unreachable) (else unreachable)) (i32.const 1))
    (func (export "check_table") (param i32) (result i32)
      (block $c (block $b (block $a (br_table $a $b $c (local.get 0))) unreachable) (return (i32.const 5))) unreachable)
    (func (export "check_loop") (param i32) (result i32) (loop $l (if (i32.eqz (local.get 0)) (then unreachable))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $l)) (i32.const 1))
    (func (export "check_call") (param i32) (result i32) (if (i32.eq (call $leaf (local.get 0)) (i32.const 1)) (then unreachable)) (i32.const 2))
    (func (export "host") (param i32) (result i32) (i32.add (call $h (local.get 0) (i32.const 0)) (i32.div_u (i32.const 1) (local.get 0))))
    (func (export "back") (param i32) (result i32) (i32.add (call $h (i32.const 1) (local.get 0)) (i32.load (i32.const 8))))
    (func (export "back_trap") (param i32) (result i32) (i32.load (i32.sub (i32.const 0) (call $h (i32.const 1) (local.get 0)))))
    (func (export "inner") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 7)) (then (return (call $h (i32.const 1) (i32.const 7)))))
      (i32.add (i32.div_u (i32.const 12) (local.get 0)) (call $down (local.get 0)))))"#;

#[test]
fn every_end_costs_the_same_on_both() {
    let all = rewritten(EVERYTHING);
    let mut seen = std::collections::BTreeSet::new();
    for export in &all[0].module().facts.exports {
        if export.name == "_initialize" {
            continue;
        }
        for arg in [0u64, 1, 2, 3, 4, 5, 7, 19, 20, 1000, 65529, 65536, 70_000, 0xffff_ffff] {
            if (arg == 0 || arg > 70_000) && export.name.contains("loop") {
                continue; // four thousand million rounds
            }
            let args = [arg];
            let frame =
                |fuel| Call { budget: Budget { fuel, ..budget() }, instance_charge: true, initialize: true, ..call(&export.name, &args) };
            let whole = run_both(&all, &frame(1 << 40));
            if whole.end == End::OutOfGas {
                continue;
            }
            // around the exact cost: what it used is enough for nothing less
            for fuel in [whole.used.saturating_sub(50), whole.used.saturating_sub(1), whole.used, whole.used + 1, 0, 1, 999] {
                run_both(&all, &frame(fuel));
            }
            let name = format!("{:?}", whole.end);
            seen.insert(name.split('(').nth(usize::from(name.starts_with("Trapped"))).unwrap_or(&name).trim_end_matches(')').to_owned());
        }
    }
    for end in
        ["Returned", "Stopped", "StackOverflow", "IntegerDivisionByZero", "Unreachable", "MemoryOutOfBounds", "TableOutOfBounds", "Host"]
    {
        assert!(seen.contains(end), "{end} did not happen: {seen:?}");
    }
}

#[test]
fn exact_fuel_is_enough_and_one_less_is_not() {
    let all = rewritten(EVERYTHING);
    for (entry, arg) in [("arithmetic", 5u64), ("deep", 100), ("loop", 50), ("back", 3), ("host", 4), ("bulk", 1000), ("grow", 2)] {
        let args = [arg];
        let frame = |fuel| Call { budget: Budget { fuel, ..budget() }, instance_charge: true, initialize: true, ..call(entry, &args) };
        let used = run_both(&all, &frame(1 << 40)).used;
        assert!(matches!(run_both(&all, &frame(used)).end, End::Returned(_)), "{entry}");
        let less = run_both(&all, &frame(used - 1));
        assert_eq!((less.end, less.used), (End::OutOfGas, used - 1), "{entry}");
    }
}

#[test]
fn the_logical_stack_ends_at_the_same_depth_on_both() {
    let all = rewritten(EVERYTHING);
    let overflow = |rest: i32, depth: u64| {
        let args = [depth];
        run_both(&all, &Call { budget: Budget { rest, ..budget() }, ..call("deep", &args) }).end == End::StackOverflow
    };
    for rest in [0, 100, 1000, 100_000, 4 << 20] {
        let (mut fits, mut fails) = (0u64, 100_000);
        if overflow(rest, 0) {
            continue;
        }
        while fails - fits > 1 {
            let middle = (fits + fails) / 2;
            if overflow(rest, middle) { fails = middle } else { fits = middle }
        }
        // a parameter, two locals, at most two operands and nine operators a level; the innermost is level 0
        let level = 8 * (1 + 2 + 2) + 2 * 9 + 64;
        assert!((fits + 1) * level <= rest as u64 && (fits + 3) * level > rest as u64, "{fits} levels in {rest}");
    }
}

#[test]
fn a_memory_grows_to_the_allowance_and_is_fresh_in_the_next_call() {
    let all = rewritten(EVERYTHING);
    for pages in [1, 2, 3, 19, 20, 4096] {
        for arg in [0u64, 1, 2, 18, 19, 20, 65535, 65536] {
            let args = [arg];
            let frame = Call { budget: Budget { pages, ..budget() }, ..call("grow", &args) };
            let first = run_both(&all, &frame);
            assert_eq!(run_both(&all, &frame), first, "a recycled instance grows like a new one");
            let allowed = arg < u64::from(pages.min(20));
            let size = if allowed { 1 + arg } else { 1 };
            let again = size < u64::from(pages.min(20));
            assert_eq!(first.end, End::Returned(vec![if again { size } else { 0xffff_ffff }]), "{arg} of {pages}");
        }
    }
}

#[test]
fn host_traps_and_traps_have_their_words_and_places() {
    let all = rewritten(EVERYTHING);
    let ended = run_both(&all, &call("host", &[2]));
    assert_eq!((ended.end, ended.detail.as_deref()), (End::Trapped(Trap::Host), Some("asked to")));
    let (_, ended) = all[0].run(Box::new(Scripted), &call("deep_trap", &[3]));
    let ended = ended.unwrap();
    assert_eq!(ended.end, End::Trapped(Trap::IntegerDivisionByZero));
    let original = ended.frames.iter().filter_map(|frame| frame.function).next();
    assert_eq!(original, Some(9), "the innermost function of the original module, by its index there");
}
