//! Any bytes give a report: no panic, a code for every refusal, places inside the file, the same answer twice, and linear time.

mod support;

use detent_gate::{Profile, check};
use detent_protocol::Schedule;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use support::{Shape, contract, leb, report, well_formed};
use wasm_encoder::ValType;

/// A module in which every section occurs.
fn rich() -> Vec<u8> {
    contract(
        r#"(module
            (type $t (func (param i32 i64) (result i32)))
            (import "pyde" "caller" (func $caller (param i32) (result i32)))
            (import "pyde" "return" (func $return (param i32 i32)))
            (memory (export "memory") 1 4)
            (table 4 8 funcref)
            (global $g (mut i32) (i32.const 7)) (global i64 (i64.const 1))
            (elem (i32.const 1) func $f $run) (elem func $f)
            (data (i32.const 16) "hello") (data "passive")
            (func $f (type $t) (local f64 i32)
                local.get 0 if (result i32) i32.const 1 else i32.const 2 end
                block loop local.get 0 br_if 1 local.get 0 i32.eqz br_if 0 end end
                block block block local.get 0 br_table 0 1 2 end end end)
            (func $run (export "run")
                i32.const 0 call $caller drop
                i32.const 1 i64.const 2 i32.const 1 call_indirect (type $t) drop
                i32.const 0 i32.const 0 i32.const 3 memory.init 1 data.drop 1
                i32.const 1 memory.grow drop
                i32.const 0 i32.const 4 call $return unreachable)
            (start $run))"#,
    )
}

fn holds(wasm: &[u8]) -> Result<(), TestCaseError> {
    for profile in [Profile::Contract, Profile::Bare] {
        let report = check(wasm, profile);
        well_formed(&report, wasm);
        prop_assert_eq!(&report, &check(wasm, profile));
        prop_assert_eq!(report.admitted(), report.fault().is_none());
        prop_assert!(!report.to_string().is_empty() && serde_json::to_string(&report).is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        holds(&bytes)?;
        holds(&[b"\0asm\x01\0\0\0".as_slice(), &bytes].concat())?;
    }

    #[test]
    fn random_function_bodies(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut shape = Shape::new();
        shape.raw(0, &bytes);
        holds(&shape.finish())?;
    }

    #[test]
    fn mutations(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut wasm = rich();
        for (at, to) in changes {
            let i = at.index(wasm.len());
            wasm[i] = to;
        }
        holds(&wasm)?;
    }

    #[test]
    fn splices(from in any::<prop::sample::Index>(), len in 0usize..40, to in any::<prop::sample::Index>()) {
        let wasm = rich();
        let (from, to) = (from.index(wasm.len()), to.index(wasm.len()));
        let piece = wasm[from..(from + len).min(wasm.len())].to_vec();
        let mut spliced = wasm;
        spliced.splice(to..to, piece);
        holds(&spliced)?;
    }
}

#[test]
fn the_rich_module_is_admitted_and_no_truncation_of_it_is() {
    let wasm = rich();
    assert!(report(&wasm).admitted(), "{}", report(&wasm));
    for cut in 0..wasm.len() {
        let report = report(&wasm[..cut]);
        well_formed(&report, &wasm[..cut]);
        assert!(!report.admitted(), "{cut}");
    }
}

/// The modules whose refusal could be dear: the largest that is read, made of what the validator finds hardest.
#[test]
fn the_worst_refusals_take_time_linear_in_the_bytes() {
    let size = Schedule::current().gate.module_bytes as usize - 2000;
    let mut cases: Vec<(&str, Vec<u8>)> = vec![];

    // wide results carried by every target of wide tables
    let mut shape = Shape::new();
    shape.types.ty().function([], vec![ValType::I64; 1000]);
    let mut operators = vec![0x02, 1, 0x00, 0x41, 0, 0x0e];
    operators.extend(leb(60_000));
    operators.extend(vec![0; 60_001]);
    operators.extend([0x0b, 0x00]);
    for _ in 0..size / (operators.len() + 10) {
        shape.raw(0, &operators);
    }
    cases.push(("br_table by results", shape.finish()));

    // calls with a thousand parameters and results
    let mut shape = Shape::new();
    shape.types.ty().function(vec![ValType::I64; 1000], vec![ValType::I64; 1000]);
    let callee = shape.raw(1, &[0x00]);
    shape.raw(0, &[vec![0x00], [vec![0x10], leb(u64::from(callee))].concat().repeat(size / 3)].concat());
    cases.push(("calls by parameters", shape.finish()));

    // a different refused proposal in every function, so that validation starts again and again
    let mut shape = Shape::new();
    let pieces: [&[u8]; 5] = [
        &[0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a], // v128.const, drop
        &[0xfe, 0x03, 0],                                                  // atomic.fence
        &[0x12, 0],                                                        // return_call 0
        &[0x42, 0, 0x42, 0, 0xfc, 22, 0x1a, 0x1a],                         // i64.mul_wide_u
        &[0xd0, 0x70, 0x1a],                                               // ref.null func, drop
    ];
    for i in 0..9_000 {
        let filler = vec![0x01; size / 9_000 - 40];
        shape.raw(0, &[filler, pieces[i % 5].to_vec()].concat());
    }
    cases.push(("proposals", shape.finish()));

    // sections that do not say which proposal they need
    let mut shape = Shape::new();
    let filler = vec![0x01; 60_000];
    for _ in 0..size / 60_100 {
        shape.raw(0, &filler);
    }
    shape.raw(0, &[0x3f, 1, 0x1a]); // memory.size of memory 1
    shape.raw(0, &[0xff]);
    shape.raw(0, &[0x40]);
    cases.push(("unnamed errors", shape.finish()));

    for (name, wasm) in cases {
        assert!(wasm.len() < Schedule::current().gate.module_bytes as usize, "{name}: {}", wasm.len());
        let start = Instant::now();
        let report = report(&wasm);
        let time = start.elapsed();
        well_formed(&report, &wasm);
        assert!(!report.admitted(), "{name}");
        // A generous bound: quadratic behaviour takes minutes here.
        assert!(time < Duration::from_secs(3), "{name}: {time:?} for {} bytes", wasm.len());
        println!("{name}: {time:?} for {} bytes, {:?}", wasm.len(), support::rules(&report));
    }
}
