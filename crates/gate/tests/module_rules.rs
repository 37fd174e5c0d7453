//! Imports, exports, segments and the ABI section: each rule by its smallest module, alone.

mod support;

use detent_gate::{Profile, Rule, check};
use detent_protocol::{Code, HostTable, ValueType};
use support::{abi, contract, report, rules, wat, well_formed, with_abi, with_custom};

const HEAD: &str = r#"(memory (export "memory") 1) (func $run (export "run"))"#;

/// (rule, code, parts of a module before and after memory and entry)
const CASES: [(&str, Code, &str); 25] = [
    ("import_module", Code::ImportUnknown, r#"(import "env" "abort" (func))"#),
    ("import_module", Code::ImportUnknown, r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#),
    ("import_kind", Code::ImportUnknown, r#"(import "pyde" "t" (table 1 funcref))"#),
    ("import_kind", Code::ImportUnknown, r#"(import "pyde" "g" (global i32))"#),
    ("import_kind", Code::ImportUnknown, r#"(import "pyde" "g" (global (mut i64)))"#),
    ("import_name", Code::ImportUnknown, r#"(import "pyde" "gas" (func (param i64)))"#),
    ("import_name", Code::ImportUnknown, r#"(import "pyde" "detent:gas" (func))"#),
    ("import_unavailable", Code::ImportUnavailable, r#"(import "pyde" "debug_log" (func (param i32 i32)))"#),
    ("import_unavailable", Code::ImportUnavailable, r#"(import "pyde" "parachain_version" (func (result i32)))"#),
    ("import_type", Code::ImportType, r#"(import "pyde" "sload" (func (param i32 i32) (result i32)))"#),
    ("import_type", Code::ImportType, r#"(import "pyde" "caller" (func (param i32)))"#),
    ("import_type", Code::ImportType, r#"(import "pyde" "consume_gas" (func (param i32)))"#),
    ("import_type", Code::ImportType, r#"(import "pyde" "wave_id" (func (result f64)))"#),
    (
        "import_conflict",
        Code::ImportType,
        r#"(import "pyde" "tx_value" (func (param i32))) (import "pyde" "tx_value" (func (param i32) (result i32)))"#,
    ),
    ("export_reserved", Code::ExportReserved, r#"(func (export "detent:gas"))"#),
    ("export_reserved", Code::ExportReserved, r#"(global (export "detent:rest") (mut i32) (i32.const 0))"#),
    ("export_import", Code::ExportImport, r#"(import "pyde" "return" (func (param i32 i32))) (export "out" (func 0))"#),
    ("data_bounds", Code::SegmentBounds, r#"(data (i32.const 65536) "x")"#),
    ("data_bounds", Code::SegmentBounds, r#"(data (i32.const 65537) "")"#),
    ("data_bounds", Code::SegmentBounds, r#"(data (i32.const -1) "x")"#),
    ("element_bounds", Code::SegmentBounds, r#"(table 1 funcref) (elem (i32.const 1) func $run)"#),
    ("element_bounds", Code::SegmentBounds, r#"(table 1 funcref) (elem (i32.const 2) func)"#),
    ("element_bounds", Code::SegmentBounds, r#"(table 4 funcref) (elem (i32.const -1) func $run)"#),
    ("malformed", Code::ModuleMalformed, r#"(func i32.add)"#),
    ("malformed", Code::ModuleMalformed, r#"(export "run" (func $run))"#),
];

#[test]
fn each_rule_by_its_smallest_module() {
    for (rule, code, part) in CASES {
        let wasm = contract(&if part.contains("(import") { format!("(module {part} {HEAD})") } else { format!("(module {HEAD} {part})") });
        let report = report(&wasm);
        well_formed(&report, &wasm);
        assert_eq!(rules(&report), [rule], "{part}\n{report}");
        assert_eq!((report.reasons.len(), report.reasons[0].code()), (1, code), "{part}\n{report}");
        assert!(report.reasons[0].offset.is_some(), "{part}\n{report}");
    }
}

#[test]
fn segments_that_just_fit_are_admitted() {
    let wasm = contract(&format!(
        r#"(module {HEAD} (table 2 funcref) (data (i32.const 65535) "x") (data (i32.const 65536) "") (data "passive")
           (elem (i32.const 1) func $run) (elem (i32.const 2) func) (elem func $run))"#
    ));
    assert!(report(&wasm).admitted(), "{}", report(&wasm));
}

#[test]
fn every_host_function_is_admitted_with_each_of_its_types_exactly_if_it_is_available_to_contracts() {
    let text = |types: &[ValueType]| types.iter().map(|t| if *t == ValueType::I32 { "i32 " } else { "i64 " }).collect::<String>();
    let mut seen = 0;
    for (name, f) in &HostTable::current().functions {
        for results in std::iter::once(&f.results).chain(&f.results_alt) {
            let import = format!(r#"(import "pyde" "{name}" (func (param {}) (result {})))"#, text(&f.params), text(results));
            let report = report(&contract(&format!("(module {import} {HEAD})")));
            let expected = f.available && f.allowed.iter().any(|a| a == "contract");
            assert_eq!(report.admitted(), expected, "{name}\n{report}");
            seen += usize::from(expected);
        }
    }
    assert!(seen >= 40, "{seen} forms of host functions are admitted");
}

#[test]
fn the_memory_is_exported_as_memory() {
    let cases = [
        r#"(func (export "run"))"#,
        r#"(memory 1) (func (export "run"))"#,
        r#"(memory (export "mem") 1) (func (export "run"))"#,
        r#"(memory 1) (func (export "run")) (func (export "memory"))"#,
        r#"(memory 1) (func (export "run")) (global (export "memory") i32 (i32.const 0))"#,
    ];
    for part in cases {
        let report = report(&contract(&format!("(module {part})")));
        assert_eq!(rules(&report), ["memory_export"], "{part}\n{report}");
        assert_eq!(report.reasons[0].code(), Code::ExportMissing);
    }
    // under a second name as well is fine
    assert!(report(&contract(&format!(r#"(module {HEAD} (export "mem" (memory 0)))"#))).admitted());
}

#[test]
fn an_imported_memory_is_refused_and_nothing_is_said_about_its_size() {
    let wasm = contract(
        r#"(module (import "pyde" "m" (memory 1)) (export "memory" (memory 0)) (func (export "run")) (data (i32.const 70000) "x"))"#,
    );
    assert_eq!(rules(&report(&wasm)), ["import_kind"]);
}

#[test]
fn the_section_is_there_once_and_decodes() {
    let module = wat(&format!("(module {HEAD})"));
    let good = abi(&["run"]).encode();
    let cases: [(&[&[u8]], &str); 5] = [
        (&[], "abi_count"),
        (&[&good, &good], "abi_count"),
        (&[&good, b"junk"], "abi_count"),
        (&[b""], "abi_decode"),
        (&[&good[..good.len() - 1]], "abi_decode"),
    ];
    for (sections, rule) in cases {
        let wasm = sections.iter().fold(module.clone(), |m, s| with_custom(m, "pyde.abi", s));
        let report = report(&wasm);
        well_formed(&report, &wasm);
        assert_eq!(rules(&report), [rule], "{report}");
        assert_eq!(report.reasons[0].code(), Code::AbiSection);
    }
    // sections of other names and a malformed name section change nothing
    let wasm = with_custom(with_custom(with_abi(module, &["run"]), "name", b"\xff\xff\xff\xff"), "pyde.sig.v1", b"run()->();");
    assert!(report(&wasm).admitted(), "{}", report(&wasm));
}

#[test]
fn declared_functions_are_exported_with_type_unit() {
    let wasm = wat(r#"(module (memory (export "memory") 1) (func (export "run")) (func (export "arg") (param i32))
        (func (export "res") (result i32) i32.const 0) (global (export "glob") i32 (i32.const 0)))"#);
    let report = report(&with_abi(wasm, &["run", "arg", "res", "glob", "none"]));
    assert_eq!(rules(&report), ["entry"]);
    let words: Vec<&str> = report.reasons.iter().map(|r| r.message.as_str()).collect();
    assert_eq!(words.len(), 4, "{report}");
    for part in
        ["\"none\" is not exported", "\"arg\" has type (i32) -> ()", "\"res\" has type () -> (i32)", "\"glob\" is exported as a global"]
    {
        assert!(words.iter().any(|w| w.contains(part)), "{part}: {report}");
    }
    assert!(report.reasons.iter().all(|r| r.code() == Code::ExportMissing));
}

#[test]
fn further_exports_need_no_declaration() {
    let wasm = contract(&format!(
        r#"(module {HEAD} (func (export "_initialize")) (func (export "other") (param i64)) (global (export "__heap_base") i32 (i32.const 9)))"#
    ));
    assert!(report(&wasm).admitted());
}

#[test]
fn a_section_that_contradicts_itself_is_refused_and_oddities_are_warnings() {
    let module = wat(&format!("(module {HEAD})"));
    let mut declared = abi(&["run"]);
    declared.functions[0].attributes.0 = 0x81 | 0x02; // entry, view, payable
    declared.constructor_index = Some(4);
    let report = report(&with_custom(module.clone(), "pyde.abi", &declared.encode()));
    assert_eq!(rules(&report), ["abi_consistent"]);
    assert_eq!(report.reasons.len(), 2, "{report}");
    declared.functions[0].attributes.0 = 0x80 | 0x02 | 0x04; // entry, payable, reentrant
    declared.constructor_index = None;
    let report = support::report(&with_custom(module, "pyde.abi", &declared.encode()));
    assert!(report.admitted() && report.warnings.len() == 1, "{report}");
}

#[test]
fn a_bare_module_needs_neither_section_nor_memory_unless_it_calls_the_host() {
    let bare = |text: &str| check(&wat(text), Profile::Bare);
    assert!(bare(r#"(module (func (export "fib") (param i64) (result i64) local.get 0))"#).admitted());
    assert!(bare(r#"(module)"#).admitted());
    assert_eq!(rules(&bare(r#"(module (import "pyde" "caller" (func (param i32) (result i32))))"#)), ["memory_export"]);
    assert_eq!(rules(&bare(r#"(module (import "env" "f" (func)) (memory (export "memory") 1))"#)), ["import_module"]);
    assert_eq!(rules(&bare(r#"(module (func (export "detent:gas")))"#)), ["export_reserved"]);
    let odd = check(&with_custom(wat("(module)"), "pyde.abi", b"junk"), Profile::Bare);
    assert!(odd.admitted() && odd.warnings.len() == 1, "{odd}");
}

#[test]
fn a_flood_of_reasons_is_cut_and_counted() {
    let imports: String = (0..90).map(|i| format!(r#"(import "pyde" "f{i}" (func))"#)).collect();
    let report = report(&contract(&format!("(module {imports} {HEAD})")));
    assert_eq!(report.reasons.len(), detent_gate::PER_RULE);
    assert_eq!(report.omitted.get("import_name"), Some(&(90 - detent_gate::PER_RULE as u64)));
    let fault = report.fault().expect("refused");
    assert!(fault.code == Code::ImportUnknown && fault.detail.contains("(and 89 more)"), "{fault}");
}

#[test]
fn the_report_is_text_and_json() {
    let report = report(&contract(r#"(module (import "env" "abort" (func)) (func (export "run")))"#));
    let text = report.to_string();
    assert!(text.starts_with("D102 import_unknown: import \"abort\" of \"env\" is not of the module \"pyde\" at byte "), "{text}");
    assert!(text.contains("\n    Import host functions from pyde"), "{text}");
    let json: serde_json::Value = serde_json::to_value(&report).expect("serialises");
    let first = &json["reasons"][0];
    assert_eq!((first["code"].as_str(), first["rule"].as_str()), (Some("D102"), Some("import_module")));
    assert_eq!(first["name"], "import_unknown");
    assert!(first["offset"].is_u64() && first["function"].is_null() && first["hint"].is_string());
    assert_eq!(json["facts"]["shape"]["imports"], 1);
    assert_eq!(json["facts"]["exports"][0]["type"], "() -> ()");
    assert_eq!(json["facts"]["imports"][0], "env.abort");
}

/// Two faults at once: both are said, and the code of the refusal is that of the rule that stands first.
#[test]
fn precedence_is_the_order_of_the_rules() {
    let cases: [(&str, &[&str]); 4] = [
        (
            r#"(import "env" "x" (func)) (import "pyde" "gas" (func)) (import "pyde" "caller" (func)) (import "pyde" "m" (memory 1))"#,
            &["import_module", "import_kind", "import_name", "import_type", "memory_export", "entry"],
        ),
        (r#"(func $f return_call $f) (func i32.add)"#, &["feature", "malformed", "memory_export", "entry"]),
        (
            r#"(memory 2000) (export "detent:x" (memory 0)) (data (i32.const -1) "")"#,
            &["limits.memory_pages", "export_reserved", "memory_export", "data_bounds", "entry"],
        ),
        (
            r#"(func (result i32) f32.const 0) (memory 1) (data (i32.const 65536) "y")"#,
            &["malformed", "memory_export", "data_bounds", "entry"],
        ),
    ];
    for (part, expected) in cases {
        let report = report(&contract(&format!("(module {part})")));
        assert_eq!(rules(&report), expected, "{report}");
        assert_eq!(report.fault().map(|f| f.code), report.reasons.first().map(|r| r.rule.code()));
    }
    assert!(Rule::ModuleBytes < Rule::Feature && Rule::Malformed < Rule::Limit(detent_gate::Limit::Functions));
}
