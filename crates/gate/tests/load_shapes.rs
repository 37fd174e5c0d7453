//! The load shapes B1 to B9, operand depth (D5) and two excesses at once (F7): at the cap admitted, beyond it refused for what they are.

mod support;

use detent_gate::Limit;
use detent_protocol::{Code, Schedule};
use support::at_caps::cap;
use support::edge::{END, edge, refused};
use support::{Shape, contract, leb, repeated, report, rules, with_custom};
use wasm_encoder::ValType;

#[test]
fn b1_initial_memory() {
    let cap = Schedule::current().limits.memory_pages as u64;
    let pages = |n: u64| {
        let mut shape = Shape::new();
        shape.pages = n;
        report(&shape.finish())
    };
    assert!(pages(cap).admitted());
    for n in [cap + 1, 65_536] {
        assert_eq!(rules(&pages(n)), ["limits.memory_pages"]);
        assert_eq!(pages(n).reasons[0].code(), Code::ShapeLimit);
    }
}

#[test]
fn b2_initial_table() {
    let table = |n: usize| {
        let mut shape = Shape::new();
        shape.more.push((4, [vec![1, 0x70, 0], leb(n as u64)].concat()));
        shape.finish()
    };
    edge(Limit::TableEntries, table);
    refused(Limit::TableEntries, &table(10_000_000));
    refused(Limit::TableEntries, &table(u32::MAX as usize));
}

#[test]
fn b3_many_empty_data_segments_and_the_last_byte_of_memory() {
    let segments = |n: usize| {
        let mut shape = Shape::new();
        shape.more.push((11, repeated(n, &[0, 0x41, 0, END, 0])));
        shape.finish()
    };
    edge(Limit::DataSegments, segments);
    refused(Limit::DataSegments, &segments(100_001)); // more than the validator counts
    let pages = Schedule::current().limits.memory_pages;
    let last = |at: i64| {
        report(&contract(&format!(r#"(module (memory (export "memory") {pages}) (func (export "run")) (data (i32.const {at}) "x"))"#)))
    };
    let size = i64::from(pages) * 65_536;
    assert!(last(size - 1).admitted());
    assert_eq!(rules(&last(size)), ["data_bounds"]);
}

#[test]
fn b4_initial_data_is_bounded_by_the_module() {
    // A segment is bytes of the module, so its cap cannot be reached before the module's own.
    assert!(cap(Limit::DataBytes) >= cap(Limit::ModuleBytes));
    let mut shape = Shape::new();
    shape.pages = 16;
    let room = 1_000_000;
    shape.more.push((11, [vec![1, 0, 0x41, 0, END], leb(room), vec![1; room as usize]].concat()));
    let report = report(&shape.finish());
    assert!(report.admitted());
    assert_eq!(report.facts.shape.get(Limit::DataBytes), room);
}

#[test]
fn b5_globals_and_exports() {
    let globals = |n: usize, mutable: u8| {
        let mut shape = Shape::new();
        shape.more.push((6, repeated(n, &[0x7f, mutable, 0x41, 0, END])));
        shape.finish()
    };
    edge(Limit::Globals, |n| globals(n, 0));
    edge(Limit::MutableGlobals, |n| globals(n, 1));
    assert_eq!(rules(&report(&globals(100_000, 1))), [Limit::Globals.name(), Limit::MutableGlobals.name()]);
    let exports = |n: usize| {
        let mut shape = Shape::new();
        let f = shape.raw(0, &[]);
        for i in 0..n - 2 {
            shape.exports.export(&format!("e{i}"), wasm_encoder::ExportKind::Func, f);
        }
        shape.finish()
    };
    edge(Limit::Exports, exports);
    refused(Limit::Exports, &exports(50_000));
}

#[test]
fn b6_a_start_function_is_admitted_and_expressions_that_work_are_not() {
    let start = report(&contract(r#"(module (memory (export "memory") 1) (func (export "run")) (start 0))"#));
    assert!(start.admitted() && start.facts.start, "{start}");
    // constants that compute, and offsets that are not constants
    let text = r#"(module (memory (export "memory") 1) (func (export "run")) (data (i32.add (i32.const 1) (i32.const 2)) ""))"#;
    let computed = report(&contract(text));
    assert_eq!(rules(&computed), ["feature", "segment_offset"], "{computed}");
    assert!(computed.reasons[0].message.starts_with("extended-const"), "{computed}");
    let text =
        r#"(module (import "pyde" "base" (global i32)) (memory (export "memory") 1) (func (export "run")) (data (global.get 0) ""))"#;
    assert_eq!(rules(&report(&contract(text))), ["import_kind", "segment_offset"]);
}

#[test]
fn b7_import_tricks() {
    let mut shape = Shape::new();
    shape.types.ty().function([ValType::I32], [ValType::I32]);
    for _ in 0..cap(Limit::Imports) {
        shape.import("pyde", "caller", 1);
    }
    let at = shape.finish();
    assert!(report(&at).admitted(), "the same import twice with one type is harmless: {}", report(&at));
    let mut shape = Shape::new();
    shape.types.ty().function([ValType::I32], [ValType::I32]);
    for _ in 0..=cap(Limit::Imports) {
        shape.import("pyde", "caller", 1);
    }
    refused(Limit::Imports, &shape.finish());
    // the meter itself, memories, tables, globals, two types: tests/module_rules.rs
}

#[test]
fn b8_export_tricks() {
    // The counters are added after the gate, under names that no module may have; an entry must be code of the module.
    let text = r#"(module (import "pyde" "return" (func (param i32 i32))) (memory (export "memory") 1) (func (export "run"))
        (export "pay" (func 0)) (func (export "detent:gas")) (global (export "detent:rest") i32 (i32.const 0)))"#;
    assert_eq!(rules(&report(&contract(text))), ["export_reserved", "export_import"]);
}

#[test]
fn b9_custom_sections_and_names() {
    let base = || Shape::new().finish();
    let empty = report(&base()).facts.shape.get(Limit::CustomBytes) as usize;
    edge(Limit::CustomBytes, |n| with_custom(base(), "debug", &vec![0; n - empty - 6]));
    edge(Limit::NameBytes, |n| with_custom(base(), &"n".repeat(n), b""));
    edge(Limit::NameBytes, |n| {
        let mut shape = Shape::new();
        shape.exports.export(&"e".repeat(n), wasm_encoder::ExportKind::Memory, 0);
        shape.finish()
    });
    refused(Limit::NameBytes, &with_custom(base(), &"n".repeat(200_000), b"")); // longer than the parser reads
    // repeated, truncated and contradictory sections: tests/module_rules.rs and tests/abi_section.rs
}

#[test]
fn d5_operand_depth() {
    let height = |n: usize| {
        let mut shape = Shape::new();
        shape.function(0, &[], |i| {
            for _ in 0..n {
                i.i32_const(0);
            }
            for _ in 0..n {
                i.drop();
            }
            i.end();
        });
        shape.finish()
    };
    edge(Limit::OperandHeight, height);
    assert!(rules(&report(&height(100_000))).contains(&Limit::OperandHeight.name()));
}

#[test]
fn f7_two_limits_at_once_are_both_said_in_the_order_of_the_limits() {
    let mut shape = Shape::new();
    shape.types.ty().function(vec![ValType::I64; cap(Limit::Parameters) + 1], []);
    for _ in 0..cap(Limit::Functions) {
        shape.raw(0, &[]);
    }
    let wasm = shape.finish();
    assert_eq!(rules(&report(&wasm)), [Limit::Functions.name(), Limit::Parameters.name()]);
}
