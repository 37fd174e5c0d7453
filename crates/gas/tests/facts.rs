//! What the host is told of the original.

mod support;

use detent_gas::{Deterministic, Form};
use detent_gas::{FuncType, ValType};
use detent_protocol::Schedule;
use support::*;
use wasmparser::{Parser, Payload};

const TEXT: &str = r#"(module $m
    (import "t" "log" (func $log (param i32)))
    (memory 3) (table 2 funcref) (elem (i32.const 0) $f $g) (elem func $g)
    (data (i32.const 0) "123456789") (data "1234567")
    (global i32 (i32.const 1)) (global $a (mut i64) (i64.const 2)) (global $b (mut f32) (f32.const 3)) (export "b" (global $b))
    (func $f (export "f") (export "again") (param i64 f32) (result f64 i32) f64.const 1 i32.const 2)
    (func $g)
    (start $g)
    (export "log" (func $log)))"#;

#[test]
fn facts_are_of_the_original() {
    let form = form(TEXT, Form::Side);
    let facts = &form.facts;
    let ty = FuncType { params: vec![ValType::I64, ValType::F32], results: vec![ValType::F64, ValType::I32] };
    let exports: Vec<_> = facts.exports.iter().map(|e| (e.name.as_str(), e.ty.params.len())).collect();
    assert_eq!(exports, [("f", 2), ("again", 2), ("log", 1)]);
    assert_eq!(facts.exports[0].ty, ty);
    assert_eq!((facts.imports[0].module.as_str(), facts.imports[0].name.as_str()), ("t", "log"));
    assert_eq!((facts.initial_pages, facts.start, facts.mutable_globals), (3, true, 2));
    assert_eq!(facts.memory.as_deref(), Some("detent:memory"));
    assert_eq!(facts.names, [Some("log".into()), Some("f".into()), Some("g".into())]);
    // log, f, g are the original's; the ways in are not.
    assert_eq!(facts.origin, [Some(0), Some(1), Some(2), None, None]);
}

#[test]
fn the_instance_charge_is_that_of_the_original() {
    let i = &Schedule::current().instance;
    let code = Parser::new(0).parse_all(&wat::parse_str(TEXT).unwrap()).find_map(|p| match p.unwrap() {
        Payload::CodeSectionStart { range, .. } => Some(range.len() as u64),
        _ => None,
    });
    let code_bytes = code.unwrap();
    // 3 pages, 16 bytes of data, 3 entries, 3 globals
    let charge = [(i.base, 1), (i.memory_page, 3), (i.data_word, 2), (i.element, 3), (i.global, 3), (i.code_word, code_bytes.div_ceil(8))];
    let charge: u64 = charge.iter().map(|(price, n)| u64::from(*price) * n).sum();
    for f in [Form::Side, Form::Fine] {
        assert_eq!(form(TEXT, f).facts.instance_charge, charge);
    }
    assert_eq!(form("(module)", Form::Side).facts.instance_charge, u64::from(i.base));
}

#[test]
fn memories_and_tables_get_their_caps() {
    let limits = &Schedule::current().limits;
    let types = |text: &str| {
        let form = form(text, Form::Side);
        let (mut memory, mut table) = (None, None);
        for payload in Parser::new(0).parse_all(&form.wasm) {
            match payload.unwrap() {
                Payload::MemorySection(s) => memory = s.into_iter().next().map(|m| m.unwrap().maximum),
                Payload::TableSection(s) => table = s.into_iter().next().map(|t| t.unwrap().ty.maximum),
                Payload::StartSection { .. } => panic!("a start section survived"),
                Payload::CustomSection(s) => panic!("custom section {} survived", s.name()),
                _ => {}
            }
        }
        (memory.flatten(), table.flatten())
    };
    let caps = (Some(u64::from(limits.memory_pages)), Some(u64::from(limits.table_elements)));
    assert_eq!(types("(module (memory 1) (table 1 funcref))"), caps);
    assert_eq!(types("(module (memory 1 65536) (table 1 1000000 funcref))"), caps);
    assert_eq!(types("(module (memory 1 5) (table 1 6 funcref) (func $f) (start $f) (@custom \"x\" \"y\"))"), (Some(5), Some(6)));
}

#[test]
fn an_existing_export_of_the_memory_is_used() {
    let form = form(r#"(module (memory 1) (export "mem" (memory 0)))"#, Form::Side);
    assert_eq!(form.facts.memory.as_deref(), Some("mem"));
    assert!(!String::from_utf8_lossy(&form.wasm).contains("detent:memory"));
}

#[test]
fn a_damaged_name_section_changes_nothing_but_names() {
    let wasm = wat::parse_str(TEXT).unwrap();
    let schedule = Schedule::current();
    let whole = rewritten(&wasm, &options(Form::Side), schedule);
    let at = wasm.windows(5).rposition(|w| w == b"\x04name").unwrap();
    for i in at + 5..wasm.len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = wasm.clone();
            damaged[i] = value;
            let form = rewritten(&damaged, &options(Form::Side), schedule);
            assert_eq!(form.wasm, whole.wasm);
            assert_eq!(form.side, whole.side);
        }
    }
}

#[test]
fn the_form_survives_its_encoding() {
    for f in [Form::Side, Form::Fine] {
        let form = form(TEXT, f);
        assert_eq!(Deterministic::from_bytes(&form.to_bytes()), Ok(form));
    }
}

#[test]
fn rewriting_is_deterministic() {
    for f in [Form::Side, Form::Fine] {
        assert_eq!(form(TEXT, f), form(TEXT, f));
    }
}

#[test]
fn no_damaged_module_panics() {
    let wasm = wat::parse_str(TEXT).unwrap();
    for i in 0..wasm.len() {
        let _ = detent_gas::rewrite(&wasm[..i], Schedule::current(), &options(Form::Side));
        for value in 0..=255 {
            let mut damaged = wasm.clone();
            damaged[i] = value;
            // Most are refused; some parse and are not valid, which only the caller could have known.
            let _ = detent_gas::rewrite(&damaged, Schedule::current(), &options(Form::Fine));
        }
    }
}
