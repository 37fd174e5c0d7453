//! From bytes to the deterministic form: what [`admit`] gives, and the caps on what an engine is given.

mod support;

use detent_engine::{Engines, Settings};
use detent_gas::Form;
use detent_gate::{Profile, Report, admit};
use detent_protocol::{Code, Schedule};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{at_caps, contract, report, rules, wat, well_formed};
use wasmparser::{Validator, WasmFeatures};

/// Budgets of the largest admitted modules, on a slow shared machine: quadratic behaviour takes minutes.
const REWRITE: Duration = Duration::from_secs(5);
const COMPILE: Duration = Duration::from_secs(60);

const TEXT: &str = r#"(module
    (import "pyde" "return" (func $return (param i32 i32)))
    (memory (export "memory") 1)
    (func $small (param i32) (result i32) local.get 0)
    (func (export "run") i32.const 0 i32.const 4 call $return)
    (func $large (param i32) (result i32) (local i32)
        local.get 0 i32.load local.get 0 i32.load offset=4 i32.div_s
        local.get 0 i32.load offset=8 i32.div_s local.get 0 i32.load offset=12 i32.div_s))"#;

fn admitted(wasm: &[u8], profile: Profile, form: Form) -> Result<detent_gate::Admitted, Report> {
    admit(wasm, profile, Schedule::current(), form)
}

#[test]
fn an_admitted_contract_has_its_declaration_and_a_valid_form_of_either_kind() {
    for form in [Form::Side, Form::Fine] {
        let admitted = admitted(&contract(TEXT), Profile::Contract, form).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(admitted.form.form, form);
        assert!(admitted.abi.as_ref().and_then(|a| a.find_function("run")).is_some());
        assert!(admitted.facts.rewritten_bytes >= Some(admitted.form.wasm.len() as u64));
        assert_eq!(admitted.facts.imports, ["pyde.return"]);
        // whatever the rewriter adds is within what was admitted: any engine that ran the original runs the form
        let features = detent_gate::ADMITTED;
        Validator::new_with_features(features).validate_all(&admitted.form.wasm).expect("the form validates");
        assert!(!features.contains(WasmFeatures::REFERENCE_TYPES));
    }
}

#[test]
fn a_bare_module_is_admitted_without_a_declaration() {
    let admitted = admitted(&wat("(module (func (export \"f\")))"), Profile::Bare, Form::Fine).unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(admitted.abi, None);
}

#[test]
fn what_the_gate_refuses_is_not_rewritten() {
    let wasm = wat("(module (import \"env\" \"x\" (func)))");
    let refused = admitted(&wasm, Profile::Bare, Form::Side).expect_err("refused");
    assert_eq!(refused, detent_gate::check(&wasm, Profile::Bare));
    assert_eq!(refused.facts.rewritten_bytes, None);
}

/// Under a schedule with those caps on the rewritten module, the reports of both forms: equal, whichever form is asked for.
fn capped(wasm: &[u8], module_bytes: u32, body_bytes: u32) -> Option<Report> {
    let mut schedule = Schedule::current().clone();
    schedule.gate.rewritten.module_bytes = module_bytes;
    schedule.gate.rewritten.body_bytes = body_bytes;
    let verdict = |form| admit(wasm, Profile::Contract, &schedule, form).err();
    let (side, fine) = (verdict(Form::Side), verdict(Form::Fine));
    assert_eq!(side, fine, "admission depends on the engine");
    side
}

#[test]
fn a_form_beyond_its_caps_is_refused_whichever_form_is_asked_for() {
    let wasm = contract(TEXT);
    let [side, fine] =
        [Form::Side, Form::Fine].map(|f| admitted(&wasm, Profile::Contract, f).unwrap_or_else(|r| panic!("{r}")).form.wasm.len() as u32);
    assert!(side < fine, "the fine form writes more");
    assert_eq!(capped(&wasm, fine, 100_000), None);
    let report = capped(&wasm, fine - 1, 100_000).expect("a byte too large");
    assert_eq!((rules(&report), report.reasons[0].code()), (vec!["gate.rewritten.module_bytes"], Code::ShapeLimit));
    assert_eq!((report.reasons.len(), report.facts.rewritten_bytes), (1, Some(u64::from(fine))), "{report}");
    assert_eq!(capped(&wasm, side - 1, 100_000).map(|r| r.reasons.len()), Some(2));
}

#[test]
fn a_body_beyond_its_cap_is_named_by_its_original_index() {
    let wasm = contract(TEXT);
    let report = (0..2000).rev().find_map(|cap| capped(&wasm, u32::MAX, cap)).expect("no body is refused");
    assert_eq!(rules(&report), ["gate.rewritten.body_bytes"], "{report}");
    // function 0 is the import, 3 the one with the divisions
    assert_eq!((report.reasons.len(), report.reasons[0].function), (1, Some(3)), "{report}");
}

/// The dearest modules that the gate admits are rewritten in bounded time, to bounded size, or refused by that bound; and what is
/// admitted compiles within a budget, on every engine.
#[test]
fn shapes_at_the_caps_are_rewritten_and_compiled_within_bounds() {
    let engines = Engines::new(&Settings::default()).unwrap_or_else(|f| panic!("{f}"));
    for (label, wasm) in at_caps::all() {
        let plain = report(&wasm);
        assert!(plain.admitted(), "{label}: {plain}");
        for name in engines.names() {
            let engine = engines.get(name).unwrap_or_else(|f| panic!("{f}"));
            let start = Instant::now();
            let result = admitted(&wasm, Profile::Contract, engine.form());
            let time = start.elapsed();
            assert!(time < REWRITE, "{label}: {time:?}");
            match result {
                Err(r) => {
                    well_formed(&r, &wasm);
                    assert!(rules(&r).iter().all(|n| n.starts_with("gate.rewritten.")), "{label}: {r}");
                    println!(
                        "{label:34} {:>8} -> {:>8} bytes {time:>8.1?} {}",
                        wasm.len(),
                        r.facts.rewritten_bytes.unwrap_or(0),
                        rules(&r).join(" ")
                    );
                    break;
                }
                Ok(a) => {
                    let (bytes, start) = (a.form.wasm.len(), Instant::now());
                    let artefact = engine.compile(Arc::new(a.form)).unwrap_or_else(|f| panic!("{label}: {f}"));
                    let compile = start.elapsed();
                    println!(
                        "{label:34} {:>8} -> {bytes:>8} bytes {time:>8.1?}, {name} {compile:>8.1?} {:>9} bytes",
                        wasm.len(),
                        artefact.size()
                    );
                    assert!(compile < COMPILE, "{label} on {name}: {compile:?}");
                }
            }
        }
    }
}
