//! A shape at its cap and one beyond it.

use super::at_caps::cap;
use super::{Shape, report, rules, well_formed};
use detent_gate::{Limit, Report};
use detent_protocol::Code;
use wasm_encoder::InstructionSink;

/// `at` the cap is admitted with exactly that measure; `beyond` is refused by that limit alone.
pub fn edge(limit: Limit, make: impl Fn(usize) -> Vec<u8>) {
    let wasm = make(cap(limit));
    let ok = report(&wasm);
    assert!(ok.admitted(), "{limit:?} at the cap: {ok}");
    assert_eq!(ok.facts.shape.get(limit), cap(limit) as u64, "{limit:?}");
    refused(limit, &make(cap(limit) + 1));
}

pub fn refused(limit: Limit, wasm: &[u8]) -> Report {
    let report = report(wasm);
    well_formed(&report, wasm);
    assert_eq!(rules(&report), [limit.name()], "{limit:?}: {report}");
    assert_eq!(report.reasons[0].code(), Code::ShapeLimit);
    assert!(report.reasons[0].offset.is_some() || limit == Limit::ModuleBytes, "{report}");
    report
}

/// The operators of an empty body.
pub fn end(i: &mut InstructionSink<'_>) {
    i.end();
}

/// A contract with one function of raw operators.
pub fn raw(operators: &[u8]) -> Vec<u8> {
    let mut shape = Shape::new();
    shape.raw(0, operators);
    shape.finish()
}

pub const BLOCK: [u8; 2] = [0x02, 0x40];
pub const LOOP: [u8; 2] = [0x03, 0x40];
pub const END: u8 = 0x0b;
