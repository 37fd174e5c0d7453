//! The native stack is never the limit: full logical budgets and full nesting work in a thread with a small stack, on every engine.

mod common;

use common::*;
use detent_engine::{Artefact, Budget, Call, End, Exit, Host, Instance, Reply};
use detent_protocol::{Code, Schedule};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

fn in_a_small_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, f).unwrap().join().unwrap())
}

/// A function that recurses through `depth` activations. `locals` i64 are live across the call, `stacked` operands too, and `params` are passed.
fn recursion(params: usize, locals: usize, stacked: usize) -> (String, u64) {
    let frame = 8 * (1 + params + locals + stacked + params + 1) as u64 + u64::from(Schedule::current().stack.frame);
    let declare = |n: usize, kind: &str| if n == 0 { String::new() } else { format!("({kind} {})", "i64 ".repeat(n)) };
    let mut body = String::new();
    for i in 0..locals {
        // each local gets a value of its own, used again after the call
        body += &format!("(local.set {} (i64.mul (i64.extend_i32_u (local.get 0)) (i64.const {})))", 1 + params + i, 2 * i + 3);
    }
    for i in 0..stacked {
        body += &format!("(i64.rotl (i64.extend_i32_u (local.get 0)) (i64.const {i}))");
    }
    let args: String = (0..params).map(|i| format!("(i64.add (local.get {}) (i64.const {i}))", 1 + i)).collect();
    body += &format!("(local.set $r (call $f (i32.sub (local.get 0) (i32.const 1)) {args}))");
    body += &"(local.set $r (i64.xor (local.get $r)))".repeat(stacked);
    for i in 0..locals {
        body += &format!("(local.set $r (i64.add (local.get $r) (local.get {})))", 1 + params + i);
    }
    let text = format!(
        r#"(module $CELLS
            (func $f (param i32) {} (result i64) {} (local $r i64)
              (if (i32.eqz (local.get 0)) (then (return (i64.const 1)))) {body} (local.get $r))
            (func (export "run") (param i32) (drop (call $f (local.get 0) {}))))"#,
        declare(params, "param"),
        declare(locals, "local"),
        "(i64.const 7)".repeat(params)
    );
    (text, frame)
}

#[test]
fn the_whole_logical_stack_fits_with_any_frame() {
    let budget = u64::from(Schedule::current().limits.stack_bytes);
    for (params, locals, stacked) in [(0, 0, 0), (0, 1, 0), (3, 3, 3), (63, 0, 0), (0, 0, 200), (0, 60, 0), (0, 999, 0), (20, 300, 200)] {
        let (text, frame) = recursion(params, locals, stacked);
        for artefact in artefacts(&text) {
            let ended = in_a_small_thread(|| run(&*artefact, "run", &[budget / frame]));
            assert_eq!(ended.end, End::Returned(vec![]), "{params} parameters, {locals} locals, {stacked} operands");
        }
    }
}

/// Runs an artefact from a host function of itself, as deep as the chain allows, and looks at how much stack that took.
struct Nest {
    artefact: Arc<dyn Artefact>,
    low: usize,
    high: usize,
    depth: u64,
}

impl Host for Nest {
    fn call(&mut self, _: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        let mark = std::hint::black_box(0u8);
        let here = &raw const mark as usize;
        self.low = self.low.min(here);
        self.high = self.high.max(here);
        let limits = Schedule::current();
        let rest = instance.rest() - limits.stack.nested_call as i32;
        if args[0] == 0 {
            return Ok(Reply::Value(0));
        }
        let next = [args[0] - 1];
        let frame = Budget { fuel: instance.fuel(), rest, pages: 100 };
        let inner = Box::new(Nest { artefact: self.artefact.clone(), low: self.low, high: self.high, depth: 0 });
        let (inner, ended) = self.artefact.run(inner, &Call { budget: frame, ..call("run", &next) });
        let inner = inner.into_any().downcast::<Nest>().ok().unwrap();
        (self.low, self.high, self.depth) = (inner.low, inner.high, inner.depth + 1);
        match ended.map_err(Exit::Node)?.end {
            End::Returned(values) => Ok(Reply::Value(values[0] + 1)),
            End::StackOverflow => Err(Exit::Trap("overflow".into())),
            other => panic!("{other:?}"),
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[test]
fn as_many_nested_runs_as_the_protocol_allows() {
    let depth = u64::from(Schedule::current().limits.call_depth);
    let text = r#"(module (import "e" "h" (func $h (param i32) (result i32))) (memory (export "memory") 1) $CELLS
        (func (export "run") (param i32) (result i32)
          (global.set $rest (i32.sub (global.get $rest) (i32.const 88))) (i32.store (i32.const 0) (i32.const 1))
          (call $h (local.get 0))))"#;
    for artefact in artefacts(text) {
        let nest = Box::new(Nest { artefact: artefact.clone(), low: usize::MAX, high: 0, depth: 0 });
        let (host, ended) = in_a_small_thread(|| {
            let (host, ended) = artefact.run(nest, &call("run", &[depth]));
            (host, ended.unwrap())
        });
        assert_eq!(ended.end, End::Returned(vec![depth]));
        let host = host.into_any().downcast::<Nest>().ok().unwrap();
        let each = (host.high - host.low) as u64 / depth;
        println!("{} native bytes a nested run", each);
        // what a nested call is charged, times the ratio that the stack is made for, with a factor of two to spare
        assert!(2 * each < 16 << 10, "{each} bytes a level");
    }
}

/// Values that Cranelift computes once, before a call, and keeps in its frame for their second use behind it: they take native stack and no
/// logical one.
fn hoarding(values: u64) -> String {
    let value = |i: u64| format!("(i64.mul (local.get 1) (i64.const {}))", 1_000_003 * (2 * i + 3));
    let before: String = (0..values).map(|i| format!("(local.set $r (i64.xor (local.get $r) {}))", value(i))).collect();
    let after: String = (0..values).map(|i| format!("(local.set $r (i64.add (local.get $r) {}))", value(i))).collect();
    format!(
        r#"(module (import "e" "h" (func $h (param i32) (result i32))) $CELLS
            (func $f (param i32 i64) (result i64) (local $r i64)
              (if (i32.eqz (local.get 0)) (then (return (i64.extend_i32_u (call $h (i32.const 0))))))
              {before}
              (local.set $r (i64.xor (local.get $r) (call $f (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 1)))))
              {after} (local.get $r))
            (func (export "run") (param i32) (result i32) (drop (call $f (local.get 0) (i64.const 7))) (i32.const 5))
            (func (export "nest") (param i32) (result i32) (call $h (local.get 0))))"#
    )
}

#[test]
fn the_native_frame_is_at_most_a_fraction_of_what_the_stack_is_made_for() {
    let here = |artefact: &Arc<dyn Artefact>, entry: &str, depth: u64| {
        let seen = Arc::new(AtomicUsize::new(0));
        let note = seen.clone();
        let host = host(move |_, _, _| {
            let mark = std::hint::black_box(0u8);
            note.store(&raw const mark as usize, Relaxed);
            Ok(Reply::Value(0))
        });
        artefact.run(host, &call(entry, &[depth])).1.unwrap();
        seen.load(Relaxed)
    };
    let mut worst = 0.0f64;
    for (params, locals, stacked) in [(0, 0, 0), (0, 1, 0), (3, 3, 3), (63, 0, 0), (0, 0, 200), (0, 60, 0), (0, 999, 0), (20, 300, 200)] {
        let (text, frame) = recursion(params, locals, stacked);
        let text = text
            .replace("(module", r#"(module (import "e" "h" (func $h))"#)
            .replace("(return (i64.const 1))", "(call $h) (return (i64.const 1))");
        for artefact in artefacts(&text) {
            let native = here(&artefact, "run", 10).abs_diff(here(&artefact, "run", 110)) as f64 / 100.0;
            worst = worst.max(native / frame as f64);
        }
    }
    println!("native bytes for each logical byte: {worst:.2} at worst");
    assert!(2.0 * worst <= 8.0, "{worst}");
}

#[test]
fn native_frames_beyond_all_bounds_are_a_node_fault_at_any_nesting_and_the_process_goes_on() {
    for artefact in artefacts(&hoarding(2000)) {
        for nested in [0u64, 1, 20] {
            let inner = artefact.clone();
            struct Inner(Arc<dyn Artefact>);
            impl Host for Inner {
                fn call(&mut self, _: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
                    let budget = Budget { fuel: instance.fuel(), ..budget() };
                    let (entry, depth) = match args[0] {
                        0 => return Ok(Reply::Value(0)),
                        1 => ("run", (4 << 20) / 112),
                        n => ("nest", n - 1),
                    };
                    let (_, ended) = self.0.run(Box::new(Inner(self.0.clone())), &Call { budget, ..call(entry, &[depth]) });
                    ended.map(|_| Reply::Value(0)).map_err(Exit::Node)
                }
                fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
                    self
                }
            }
            let (entry, depth) = if nested == 0 { ("run", (4 << 20) / 112) } else { ("nest", nested) };
            let (_, result) = artefact.run(Box::new(Inner(inner)), &call(entry, &[depth]));
            // the interpreter keeps its frames elsewhere
            match result {
                Ok(ended) => assert!(matches!(ended.end, End::Returned(_))),
                Err(fault) => assert_eq!(fault.code, Code::NodeFault),
            }
            let shallow = artefact.run(Box::new(Inner(artefact.clone())), &call("run", &[100])).1.unwrap();
            assert_eq!(shallow.end, End::Returned(vec![5]));
        }
    }
}
