//! Refunds come from every live activation of the entry that ended, and from no other; a list that might be truncated is a node fault.

mod common;

use common::*;
use detent_engine::{Artefact, Budget, Call, Cranelift, End, Engine, Exit, Host, Instance, Reply, Settings, Trap};
use detent_gas::Form;
use detent_protocol::Code;
use std::sync::{Arc, Mutex};
use wasmparser::Operator;

const TRAPPING: u64 = 1_000_000;

/// Recursion to a depth, then a trap; entry, function and callbacks are told apart by their refunds.
fn artefact() -> Arc<dyn Artefact> {
    let text = format!(
        r#"(module (import "e" "h" (func $h (param i32) (result i32))) (memory (export "memory") 1) $CELLS
            (func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))) (return)))
              (drop (i32.div_u (i32.const 1) (local.get 0))))
            (func (export "run") (param i32) {c} (call $down (local.get 0)))
            (func $load (param i32) (if (local.get 0) (then (call $load (i32.sub (local.get 0) (i32.const 1))) (return)))
              (drop (i64.load (i32.const -1))))
            (func (export "load") (param i32) {c} (call $load (local.get 0)))
            (func $outer (param i32 i32) (result i32)
              (if (result i32) (local.get 0) (then (call $outer (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))
                (else (call $h (local.get 1)))))
            (func (export "outer") (param i32 i32) (result i32) {c} (i32.shr_u (call $outer (local.get 0) (local.get 1)) (i32.const 1)))
            (func (export "outer_trap") (param i32 i32) {c} (drop (call $outer (local.get 0) (local.get 1))) (call $down (i32.const 3))))"#,
        c = charge(1_000_000_000)
    );
    let module = with_refunds(&form(Form::Side, &text), |operator| match operator {
        Operator::Call { .. } => 1,
        // (`unreachable` never has a refund: nothing after it is reachable. Cranelift may report it at the branch that leads there.)
        Operator::I32DivU | Operator::I64Load { .. } => TRAPPING,
        _ => 0,
    });
    Cranelift::new(Settings::default()).unwrap().compile(module).unwrap()
}

const CHARGE: u64 = 1_000_000_000;

#[test]
fn every_activation_of_a_deep_trap_is_refunded() {
    let artefact = artefact();
    for entry in ["run", "load"] {
        for depth in [0, 1, 18, 19, 20, 21, 1000, 30_000, 65_000] {
            let ended = run(&*artefact, entry, &[depth]);
            assert!(matches!(ended.end, End::Trapped(Trap::IntegerDivisionByZero | Trap::MemoryOutOfBounds)), "{ended:?}");
            assert_eq!(ended.frames.len() as u64, depth + 2, "{entry} at {depth}");
            assert_eq!(ended.used, CHARGE - TRAPPING - (depth + 1), "{entry} at {depth}: the trap, and a call a level");
            assert!(ended.frames.iter().all(|f| f.function.is_some() && f.offset.is_some()));
        }
    }
}

#[test]
fn a_list_that_may_be_truncated_is_the_nodes_fault() {
    // Deeper than any protocol allows (the functions here do not count): more activations than the list holds.
    let (_, result) = artefact().run(no_host(), &call("run", &[200_000]));
    let fault = result.unwrap_err();
    assert_eq!(fault.code, Code::NodeFault);
    assert!(fault.detail.contains("truncated"), "{fault}");
}

/// Calls back `run` with a depth, and notes the gas before and after.
struct Back {
    depth: u64,
    before: u64,
    inner: Option<(End, u64)>,
    answer: u64,
}

impl Host for Back {
    fn call(&mut self, _: usize, _: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        self.before = instance.fuel();
        Ok(Reply::CallBack { entry: "run".into(), args: vec![self.depth] })
    }
    fn resume(&mut self, end: End, instance: &mut dyn Instance) -> Result<Reply, Exit> {
        self.inner = Some((end, self.before - instance.fuel()));
        Ok(Reply::Value(self.answer))
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[test]
fn a_trap_in_a_callback_refunds_its_own_activations_only() {
    let artefact = artefact();
    for (outer, inner) in [(0u64, 0u64), (3, 0), (0, 5), (700, 900), (20_000, 10_000)] {
        let host = Box::new(Back { depth: inner, before: 0, inner: None, answer: 6 });
        let (host, ended) = artefact.run(host, &call("outer", &[outer, 0]));
        let ended = ended.unwrap();
        let host = host.into_any().downcast::<Back>().ok().unwrap();
        let paid = CHARGE - TRAPPING - (inner + 1);
        assert_eq!(host.inner, Some((End::Trapped(Trap::IntegerDivisionByZero), paid)));
        assert_eq!((ended.end, ended.used), (End::Returned(vec![3]), CHARGE + paid));
        // and a trap of the outer entry afterwards refunds the outer one's
        let host = Box::new(Back { depth: inner, before: 0, inner: None, answer: 6 });
        let ended = artefact.run(host, &call("outer_trap", &[outer, 0])).1.unwrap();
        assert_eq!((ended.end, ended.used), (End::Trapped(Trap::IntegerDivisionByZero), CHARGE + paid - TRAPPING - 4));
    }
}

#[test]
fn a_host_trap_or_stop_refunds_nothing_at_any_depth() {
    let artefact = artefact();
    for depth in [0, 30, 20_000] {
        let ended = artefact.run(host(|_, _, _| Err(Exit::Trap("no".into()))), &call("outer", &[depth, 0])).1.unwrap();
        assert_eq!((ended.end, ended.used, ended.frames.len() as u64), (End::Trapped(Trap::Host), CHARGE, depth + 2));
        let ended = artefact.run(host(|_, _, _| Err(Exit::Stop)), &call("outer", &[depth, 0])).1.unwrap();
        assert_eq!((ended.end, ended.used, ended.frames.len()), (End::Stopped, CHARGE, 0));
    }
}

#[test]
fn nested_stores_do_not_see_each_other() {
    struct Nested(Arc<dyn Artefact>, Arc<Mutex<Vec<u64>>>);
    impl Host for Nested {
        fn call(&mut self, _: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
            let budget = Budget { fuel: instance.fuel(), ..budget() };
            let host = Box::new(Nested(self.0.clone(), self.1.clone()));
            let (entry, inner) = if args[0] > 0 { ("outer_trap", vec![40, args[0] - 1]) } else { ("run", vec![40]) };
            let (_, ended) = self.0.run(host, &Call { budget, ..call(entry, &inner) });
            let ended = ended.map_err(Exit::Node)?;
            assert_eq!(ended.end, End::Trapped(Trap::IntegerDivisionByZero));
            self.1.lock().unwrap().push(ended.used);
            instance.charge(ended.used)?;
            Ok(Reply::Value(8))
        }
        fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
            self
        }
    }
    let (artefact, seen) = (artefact(), Arc::new(Mutex::new(Vec::new())));
    let ended = artefact.run(Box::new(Nested(artefact.clone(), seen.clone())), &call("outer_trap", &[100, 5])).1.unwrap();
    let innermost = CHARGE - TRAPPING - 41;
    // every other level traps three calls below its entry, after what its inner one used
    let level = |inner: u64| CHARGE + inner - TRAPPING - 4;
    let mut expected = vec![innermost];
    for _ in 0..5 {
        expected.push(level(expected[expected.len() - 1]));
    }
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(ended.used, level(expected[5]));
}

#[test]
fn an_unreachable_that_a_branch_leads_to_is_reported_at_the_branch() {
    // What the rewriter must know of Cranelift: it turns a branch to a lone trap into a conditional trap, with the branch's place. So nothing
    // may be settled by the offset of an `unreachable`; refunds there are 0 anyway, for nothing after it is reachable.
    let text = r#"(module $CELLS (func (export "run") (param i32) (if (local.get 0) (then unreachable))))"#;
    let module = form(Form::Side, text);
    let mut places = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&module.wasm) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() {
            let operators = body.get_operators_reader().unwrap().into_iter_with_offsets().map(Result::unwrap);
            places.extend(operators.filter(|o| matches!(o.0, Operator::If { .. } | Operator::Unreachable)).map(|o| o.1 as u32));
        }
    }
    let [branch, unreachable] = places[..] else { panic!("{places:?}") };
    let artefact = Cranelift::new(Settings::default()).unwrap().compile(module).unwrap();
    let ended = run(&*artefact, "run", &[1]);
    assert_eq!(ended.end, End::Trapped(Trap::Unreachable));
    assert_eq!(ended.frames[0].offset, Some(branch), "the unreachable itself is at {unreachable}");
}
