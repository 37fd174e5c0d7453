//! Random modules: the form validates, and its gas is that of an accountant that counts operator by operator and knows no blocks.

mod support;

use arbitrary::Unstructured;
use detent_gas::{Form, Options};
use detent_protocol::Schedule;
use proptest::prelude::*;
use support::*;
use wasm_smith::{Config, Module};

fn config(u: &mut Unstructured<'_>) -> arbitrary::Result<Config> {
    Ok(Config {
        available_imports: Some(
            wat::parse_str(r#"(module (import "t" "log" (func (param i32))) (import "t" "id" (func (param i64) (result i64))))"#).unwrap(),
        ),
        allow_start_export: u.arbitrary()?,
        bulk_memory_enabled: true,
        sign_extension_ops_enabled: true,
        saturating_float_to_int_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: false,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        extended_const_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        shared_everything_threads_enabled: false,
        canonicalize_nans: false,
        export_everything: true,
        min_funcs: 1,
        min_globals: 1,
        max_funcs: 8,
        max_memories: 1,
        max_tables: 1,
        max_memory32_bytes: 20 << 16,
        max_table_elements: 20,
        table_max_size_required: true,
        memory_max_size_required: true,
        min_imports: 0,
        max_imports: 2,
        disallow_traps: false,
        ..Config::default()
    })
}

fn module(seed: &[u8]) -> Option<Vec<u8>> {
    let mut u = Unstructured::new(seed);
    let config = config(&mut u).ok()?;
    Some(Module::new(config, &mut u).ok()?.to_bytes())
}

const LIMIT: u64 = 200_000;

/// Compares one export's gas with the accountant's.
fn compare(wasm: &[u8], counted: &[u8], name: &str, args: &[u64]) -> Result<&'static str, TestCaseError> {
    let schedule = Schedule::current();
    let fine = rewritten(wasm, &options(Form::Fine), schedule);
    let side = rewritten(wasm, &options(Form::Side), schedule);
    // The accountant's module has another logical stack, so it gets all there is.
    let plain = rewritten(counted, &Options { metering: false, ..options(Form::Fine) }, schedule);
    let rest = i32::MAX / 4;
    let mut accountant = Machine::new(&plain);
    accountant.set("count_limit", LIMIT);
    let truth = accountant.run(name, args, Limits { rest, ..limits(0) });
    let count = accountant.get("count");
    if count > LIMIT {
        let ended = Machine::new(&fine).run(name, args, Limits { rest, ..limits(LIMIT) });
        prop_assert_eq!((ended.end, ended.used), (End::OutOfGas, LIMIT));
        return Ok("out of gas");
    }
    if truth.end == End::StackOverflow {
        return Ok("stack");
    }
    // Prepaid blocks of live activations may exceed what executes before a trap.
    let enough = Limits { rest, ..limits(if matches!(truth.end, End::Returned(_)) { count } else { 1 << 40 }) };
    let ended = Machine::new(&fine).run(name, args, enough);
    if ended.end == End::StackOverflow {
        return Ok("stack");
    }
    prop_assert_eq!(&ended.end, &truth.end);
    prop_assert_eq!(ended.used, count, "{} {:?} {:?} {}", name, args, ended.end, hex(wasm));
    let other = Machine::new(&side).run(name, args, enough);
    prop_assert_eq!((&other.end, other.used), (&truth.end, count), "side {}", hex(wasm));
    // At every limit near the edge both forms end alike, however the run ends.
    for fuel in [count / 2, count.saturating_sub(2), count + 3, count + 20] {
        let limits = Limits { rest, ..limits(fuel) };
        let (fine, side) = (Machine::new(&fine).run(name, args, limits), Machine::new(&side).run(name, args, limits));
        prop_assert_eq!(fine, side, "at {} of {} {}", fuel, count, hex(wasm));
    }
    if matches!(truth.end, End::Returned(_)) {
        if count > 0 {
            let short = Machine::new(&fine).run(name, args, Limits { rest, ..limits(count - 1) });
            prop_assert_eq!((short.end, short.used), (End::OutOfGas, count - 1));
        }
        return Ok("returned");
    }
    Ok("trapped")
}

#[test]
fn gas_of_random_modules_is_that_of_an_operator_by_operator_accountant() {
    let mut outcomes = std::collections::BTreeMap::new();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let tally = std::cell::RefCell::new(&mut outcomes);
    runner
        .run(&proptest::collection::vec(any::<u8>(), 200..4000), |seed| {
            let Some(wasm) = module(&seed) else { return Ok(()) };
            let Some(counted) = accountant::instrument(&wasm, Schedule::current()) else { return Ok(()) };
            let form = rewritten(&wasm, &options(Form::Fine), Schedule::current());
            // Segments that do not fit are the gate's to refuse.
            if Machine::instantiate(&form).is_err() {
                return Ok(());
            }
            for export in form.facts.exports.iter().take(4) {
                if export.ty.params.len() > 32 {
                    continue;
                }
                for args in [[0u64; 32], [3; 32], [u64::MAX; 32]] {
                    let ty = &export.ty;
                    let outcome = compare(&wasm, &counted, &export.name, &args[..ty.params.len().min(32)])?;
                    *tally.borrow_mut().entry(outcome).or_insert(0u32) += 1;
                }
            }
            Ok(())
        })
        .unwrap();
    // The property holds of something: each kind of end occurs.
    for outcome in ["returned", "trapped", "out of gas"] {
        assert!(outcomes.get(outcome).copied().unwrap_or(0) > 20, "{outcomes:?}");
    }
    println!("{outcomes:?}");
}
