//! Each proposal's smallest module is refused and the proposal is named; what is admitted is admitted.

mod support;

use detent_gate::Rule;
use detent_protocol::Code;
use support::{contract, report, rules, wat, well_formed, with_abi};

/// (proposal, smallest module), each with the memory and the entry that a contract needs.
const REFUSED: [(&str, &str); 24] = [
    ("simd", r#"(func (export "run") v128.const i64x2 0 0 drop)"#),
    ("simd", r#"(func (export "run") i32.const 0 v128.load drop)"#),
    ("simd", r#"(func (export "run")) (func (param v128))"#),
    ("relaxed-simd", r#"(func (export "run") v128.const i64x2 0 0 v128.const i64x2 0 0 i8x16.relaxed_swizzle drop)"#),
    ("threads", r#"(func (export "run") atomic.fence)"#),
    ("threads", r#"(func (export "run") i32.const 0 i32.atomic.load drop)"#),
    ("tail-call", r#"(func $f (export "run") return_call $f)"#),
    ("reference-types", r#"(func (export "run")) (func (param externref))"#),
    ("reference-types", r#"(func (export "run")) (table 1 externref)"#),
    ("reference-types", r#"(func (export "run") i32.const 0 table.get 0 drop) (table 1 funcref)"#),
    ("reference-types", r#"(func (export "run") table.size 0 drop) (table 1 funcref)"#),
    ("reference-types", r#"(func (export "run")) (table 1 funcref) (table 1 funcref)"#),
    ("multi-memory", r#"(func (export "run")) (memory 1)"#),
    ("memory64", r#"(func (export "run")) (memory i64 1)"#),
    ("extended-const", r#"(func (export "run")) (global i32 (i32.add (i32.const 1) (i32.const 2)))"#),
    ("exception-handling", r#"(func (export "run")) (tag)"#),
    ("exception-handling", r#"(func (export "run") block try_table (catch_all 0) end end)"#),
    ("function-references", r#"(func (export "run")) (type $t (func)) (func (param (ref $t)))"#),
    ("gc", r#"(func (export "run")) (type (struct))"#),
    ("gc", r#"(func (export "run")) (func (param i31ref))"#),
    ("custom-page-sizes", r#"(func (export "run")) (memory 1 (pagesize 1))"#),
    ("wide-arithmetic", r#"(func (export "run") i64.const 0 i64.const 0 i64.mul_wide_u drop drop)"#),
    ("stack-switching", r#"(func (export "run")) (type $f (func)) (type (cont $f))"#),
    ("legacy-exceptions", r#"(func (export "run") try end)"#),
];

#[test]
fn each_refused_proposal_is_named() {
    for (proposal, body) in REFUSED {
        // The proposals of memories bring their own; the others export one.
        let memory = if body.contains("(memory") && proposal != "multi-memory" { "" } else { r#"(memory (export "memory") 1)"# };
        let wasm = contract(&format!("(module {memory} {body})"));
        let report = report(&wasm);
        well_formed(&report, &wasm);
        let feature: Vec<_> = report.reasons.iter().filter(|r| r.rule == Rule::Feature).collect();
        assert!(!feature.is_empty(), "{proposal}: {body}\n{report}");
        assert!(feature.iter().any(|r| r.message.starts_with(proposal)), "{proposal}: {body}\n{report}");
        assert!(feature.iter().all(|r| r.code() == Code::FeatureRefused && r.offset.is_some()), "{report}");
        assert!(!rules(&report).contains(&"malformed"), "{proposal}: {body}\n{report}");
    }
}

#[test]
fn components_are_named() {
    let report = report(b"\0asm\x0d\0\x01\0");
    assert_eq!(report.reasons[0].code(), Code::FeatureRefused);
    assert!(report.reasons[0].message.starts_with("component-model"), "{report}");
}

#[test]
fn two_proposals_and_a_mistake_behind_them_are_said_together() {
    let wasm = contract(
        r#"(module (memory (export "memory") 1) (func $f (export "run") return_call $f)
           (func v128.const i64x2 0 0 drop i64.const 0 i64.const 0 i64.mul_wide_u drop drop i32.add))"#,
    );
    let report = report(&wasm);
    let names: Vec<&str> = report.reasons.iter().filter_map(|r| r.message.split(' ').next()).collect();
    assert_eq!(rules(&report), ["feature", "malformed"], "{report}");
    assert_eq!(&names[..3], ["tail-call", "simd", "wide-arithmetic"], "{report}");
    assert_eq!(report.reasons.last().expect("malformed").function, Some(1));
}

/// What the page says is admitted.
const ADMITTED: [(&str, &str); 10] = [
    ("nothing", ""),
    ("mutable globals", r#"(global (export "g") (mut i32) (i32.const 0))"#),
    ("sign extension", "(func i32.const 0 i32.extend8_s drop)"),
    ("saturating float-to-int", "(func f64.const 0 i32.trunc_sat_f64_s drop)"),
    ("multi-value", "(func (result i32 i32) i32.const 0 i32.const 1) (func i32.const 0 block (param i32) drop end)"),
    ("bulk memory", "(func i32.const 0 i32.const 0 i32.const 0 memory.copy i32.const 0 i32.const 0 i32.const 0 memory.fill)"),
    ("passive data", r#"(func i32.const 0 i32.const 0 i32.const 1 memory.init 0 data.drop 0) (data "x")"#),
    ("bulk tables", "(table 2 funcref) (elem func 0) (func i32.const 0 i32.const 0 i32.const 1 table.init 0 elem.drop 0)"),
    ("floats", "(func f64.const 1 f64.sqrt f32.demote_f64 drop)"),
    ("a start function", "(start 0)"),
];

#[test]
fn what_is_admitted_is_admitted() {
    for (feature, body) in ADMITTED {
        let wasm = contract(&format!(r#"(module (memory (export "memory") 1) (func (export "run")) {body})"#));
        let report = report(&wasm);
        assert!(report.admitted(), "{feature}\n{report}");
    }
}

#[test]
fn the_long_encoding_of_call_indirect_is_admitted() {
    // What current compilers write for table 0: five bytes of LEB128.
    let wasm = wat(r#"(module (memory (export "memory") 1) (table 1 funcref) (func (export "run") i32.const 0 call_indirect))"#);
    let short = [0x41, 0, 0x11, 0, 0, 0x0b];
    let at = wasm.windows(6).position(|w| w == short).expect("the call");
    let mut long = wasm.clone();
    long.splice(at + 4..at + 5, [0x80, 0x80, 0x80, 0x80, 0]);
    let body = at - 2; // size of the body, then its locals; the section's size stands four before
    long[body] += 4;
    long[body - 2] += 4;
    assert!(report(&with_abi(wasm, &["run"])).admitted());
    let long = with_abi(long, &["run"]);
    assert!(report(&long).admitted(), "{}", report(&long));
}
