//! Random modules: each engine with its form, side table against owed cell, the same end and the same fuel at every limit tried.

mod common;

use arbitrary::Unstructured;
use common::*;
use detent_engine::{Artefact, Budget, Call, End, Ended};
use detent_gas::{Options, rewrite};
use detent_protocol::Schedule;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_smith::{Config, Module};

/// What the gate admits; small memories, so that offsets beyond them are common.
fn module(seed: &[u8]) -> Option<Vec<u8>> {
    let config = Config {
        reference_types_enabled: false,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        extended_const_enabled: false,
        export_everything: true,
        max_imports: 0,
        min_funcs: 1,
        max_funcs: 6,
        min_memories: 1,
        max_memories: 1,
        max_tables: 1,
        max_memory32_bytes: 4 << 16,
        max_table_elements: 20,
        table_max_size_required: true,
        memory_max_size_required: true,
        ..Config::default()
    };
    Some(Module::new(config, &mut Unstructured::new(seed)).ok()?.to_bytes())
}

fn compiled(wasm: &[u8]) -> Vec<Arc<dyn Artefact>> {
    let compile = |engine: &Arc<dyn detent_engine::Engine>| {
        let options = Options { form: engine.form(), metering: true, reenters: Vec::new() };
        engine.compile(Arc::new(rewrite(wasm, Schedule::current(), &options).unwrap())).unwrap()
    };
    engines().iter().map(compile).collect()
}

/// `None` when an active segment does not fit: the gate refuses such.
fn run(all: &[Arc<dyn Artefact>], call: &Call<'_>) -> Option<Vec<Ended>> {
    all.iter().map(|artefact| Some(Ended { frames: Vec::new(), ..artefact.run(Box::new(Silent), call).1.ok()? })).collect()
}

/// Modules here import nothing.
struct Silent;

impl detent_engine::Host for Silent {
    fn call(&mut self, _: usize, _: &[u64], _: &mut dyn detent_engine::Instance) -> Result<detent_engine::Reply, detent_engine::Exit> {
        panic!("nothing is imported")
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// More of them, and others each time, when `DETENT_CASES` says how many.
fn cases(usual: u32) -> u32 {
    std::env::var("DETENT_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn rng() -> proptest::test_runner::TestRng {
    use proptest::test_runner::{RngAlgorithm, TestRng};
    if std::env::var_os("DETENT_CASES").is_some() {
        return TestRng::from_seed(RngAlgorithm::ChaCha, blake3::hash(format!("{:?}", std::time::SystemTime::now()).as_bytes()).as_bytes());
    }
    TestRng::deterministic_rng(RngAlgorithm::ChaCha)
}

#[test]
fn engines_agree_on_random_modules_at_every_limit() {
    let ends = RefCell::new(BTreeMap::<String, u32>::new());
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: cases(600), failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() },
        rng(),
    );
    let judged = runner.run(&proptest::collection::vec(any::<u8>(), 200..3000), |seed| {
        let Some(wasm) = module(&seed) else { return Ok(()) };
        let all = compiled(&wasm);
        for export in all[0].module().facts.exports.iter().take(4) {
            for arg in [0u64, 1, u64::MAX] {
                let args = vec![arg; export.ty.params.len()];
                let frame = |fuel| Call {
                    entry: &export.name,
                    args: &args,
                    budget: Budget { fuel, ..budget() },
                    instance_charge: false,
                    initialize: false,
                };
                let mut fuel = 50_000;
                for step in [0, 1, 2, 3, 5, 8, 13, 40] {
                    let Some(ended) = run(&all, &frame(fuel)) else { return Ok(()) };
                    prop_assert_eq!(&ended[0], &ended[1], "{} {} at {}: {}", export.name, arg, fuel, hex(&wasm));
                    if step == 0 {
                        *ends.borrow_mut().entry(format!("{:?}", ended[0].end).chars().take(12).collect()).or_default() += 1;
                    }
                    if ended[0].end == End::OutOfGas {
                        break;
                    }
                    fuel = ended[0].used.saturating_sub(step);
                }
            }
        }
        Ok(())
    });
    judged.unwrap();
    println!("{:?}", ends.borrow());
    assert!(ends.borrow().len() >= 3, "{:?}", ends.borrow());
}

/// Straight-line code over few addresses, one of them out of bounds: what compilers like to fold, forward and remove.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..4).prop_map(|l| format!("(local.get {l})")),
        prop::sample::select(vec![0, 1, 8, 65_532, 65_536, -1]).prop_map(|c| format!("(i32.const {c})")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let load = prop::sample::select(vec!["i32.load", "i32.load8_u", "i32.load16_s", "i32.load offset=4", "i32.load offset=200000"]);
        let binary = prop::sample::select(vec!["i32.add", "i32.and", "i32.mul", "i32.div_u", "i32.lt_u", "i32.shl", "i32.rem_s"]);
        let wide = prop::sample::select(vec!["i64.add", "i64.xor", "i64.div_s", "f64.add", "f64.mul"]);
        prop_oneof![
            4 => (load, inner.clone()).prop_map(|(op, a)| format!("({op} {a})")),
            3 => (binary, inner.clone(), inner.clone()).prop_map(|(op, a, b)| format!("({op} {a} {b})")),
            1 => (wide, inner.clone(), inner.clone()).prop_map(|(op, a, b)| {
                let ty = &op[..3];
                let back = if ty == "i64" { "i32.wrap_i64" } else { "i32.trunc_sat_f64_s" };
                format!("({back} ({op} ({ty}.load {a}) ({ty}.load offset=8 {b})))")
            }),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(if (result i32) {a} (then {b}) (else (i32.const 3)))")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let store = prop::sample::select(vec!["i32.store", "i32.store", "i32.store8", "i32.store16", "i32.store offset=4"]);
    let leaf = prop_oneof![
        6 => (store, 0..4, expression()).prop_map(|(op, a, v)| format!("({op} (local.get {a}) {v})")),
        2 => (2..4, expression()).prop_map(|(l, v)| format!("(local.set {l} {v})")),
        1 => expression().prop_map(|v| format!("(drop {v})")),
        1 => (0..4, expression()).prop_map(|(a, v)| format!("(i64.store (local.get {a}) (i64.extend_i32_s {v}))")),
        1 => expression().prop_map(|v| format!("(global.set $g {v})")),
        1 => expression().prop_map(|v| format!("(local.set 2 (call $leaf {v}))")),
        1 => expression().prop_map(|v| format!("(if {v} (then unreachable))")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..3).prop_map(|v| v.join(" "));
        prop_oneof![
            (expression(), some()).prop_map(|(c, a)| format!("(if {c} (then {a}))")),
            (expression(), some(), some()).prop_map(|(c, a, b)| format!("(if {c} (then {a}) (else {b}))")),
            (some(), expression(), some()).prop_map(|(a, c, b)| format!("(block {a} (br_if 0 {c}) {b})")),
            (some(), expression()).prop_map(|(a, c)| format!("(loop {a} (br_if 0 {c}))")),
        ]
    })
}

#[test]
fn engines_agree_on_where_straight_code_traps() {
    let traps = RefCell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: cases(1500), failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() },
        rng(),
    );
    let judged = runner.run(&prop::collection::vec(statement(), 1..8), |body| {
        let body = body.join("\n");
        let text = format!(
            "(module (memory 1 1) (global $g (mut i32) (i32.const 0)) (func $leaf (param i32) (result i32) (i32.load (local.get 0)))
            (func (export \"f\") (param i32 i32) (result i32) (local i32 i32) (local.set 2 (i32.const 16)) {body} (i32.load (local.get 3))))"
        );
        let all = compiled(&wat::parse_str(&text).unwrap());
        for args in [[0u64, 65_534], [65_534, 0], [16, 0xffff_fff0], [4, 8]] {
            let mut fuel = 20_000;
            for step in [1, 2, 5] {
                let call = Call { entry: "f", args: &args, budget: Budget { fuel, ..budget() }, instance_charge: false, initialize: false };
                let Some(ended) = run(&all, &call) else { return Ok(()) };
                prop_assert_eq!(&ended[0], &ended[1], "{:?} at {}:\n{}", args, fuel, text);
                if matches!(ended[0].end, End::Trapped(_)) {
                    *traps.borrow_mut() += 1;
                }
                fuel = ended[0].used.saturating_sub(step);
            }
        }
        Ok(())
    });
    judged.unwrap();
    assert!(*traps.borrow() > 1000);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
