//! A frame begins, is charged and ends as `docs/metering.md` sections 3 to 5 order it, on every engine.

mod common;

use common::*;
use detent_engine::{Budget, Call, End, Trap};
use detent_protocol::Code;

fn with(entry: &str, fuel: u64, rest: i32, pages: u32) -> Call<'_> {
    Call { budget: Budget { fuel, rest, pages }, instance_charge: true, ..call(entry, &[]) }
}

#[test]
fn the_instance_is_charged_first_then_pages_then_the_stack_is_looked_at() {
    let text = format!(r#"(module (memory (export "memory") 3) $CELLS (func (export "run") {}))"#, charge(10));
    for artefact in artefacts(&text) {
        let end = |fuel, rest, pages| {
            let ended = artefact.run(no_host(), &with("run", fuel, rest, pages)).1.unwrap();
            (ended.end, ended.used)
        };
        assert_eq!(end(999, 1 << 20, 3), (End::OutOfGas, 999));
        assert_eq!(end(999, -1, 0), (End::OutOfGas, 999));
        assert_eq!(end(1000, -1, 2), (End::OutOfMemory, 1000));
        assert_eq!(end(1000, -1, 3), (End::StackOverflow, 1000));
        assert_eq!(end(1000, 1 << 20, 3), (End::OutOfGas, 1000));
        assert_eq!(end(1009, 1 << 20, 3), (End::OutOfGas, 1009));
        assert_eq!(end(1010, 1 << 20, 3), (End::Returned(vec![]), 1010));
        assert_eq!(end(i64::MAX as u64, 1 << 20, u32::MAX), (End::Returned(vec![]), 1010));
        let fault = artefact.run(no_host(), &with("run", 1 << 63, 0, 3)).1.unwrap_err();
        assert_eq!(fault.code, Code::NodeFault);
    }
}

#[test]
fn start_initialize_and_entry_run_in_order_on_one_gas() {
    let step = |n: u32| format!("{} (global.set $trace (i32.add (i32.mul (global.get $trace) (i32.const 10)) (i32.const {n})))", charge(5));
    let text = format!(
        r#"(module $CELLS (global $trace (export "detent:g0") (mut i32) (i32.const 0))
            (func (export "detent:start") {}) (func (export "_initialize") {})
            (func (export "run") (result i32) {} (global.get $trace)))"#,
        step(1),
        step(2),
        step(3)
    );
    for artefact in artefacts(&text) {
        for _ in 0..3 {
            let ended = artefact.run(no_host(), &Call { initialize: true, ..call("run", &[]) }).1.unwrap();
            assert_eq!((ended.end, ended.used), (End::Returned(vec![123]), 15));
            let ended = artefact.run(no_host(), &call("run", &[])).1.unwrap();
            assert_eq!((ended.end, ended.used), (End::Returned(vec![13]), 10));
        }
        let ended =
            artefact.run(no_host(), &Call { initialize: true, budget: Budget { fuel: 9, ..budget() }, ..call("run", &[]) }).1.unwrap();
        assert_eq!((ended.end, ended.used), (End::OutOfGas, 9));
    }
}

#[test]
fn a_trap_in_start_ends_the_frame() {
    let text = format!(
        r#"(module $CELLS (func (export "detent:start") {} unreachable)
            (func (export "_initialize") (param i32)) (func (export "run") {}))"#,
        charge(5),
        charge(100)
    );
    for artefact in artefacts(&text) {
        // an _initialize of another type is not run
        let ended = artefact.run(no_host(), &Call { initialize: true, ..call("run", &[]) }).1.unwrap();
        assert_eq!((ended.end, ended.used), (End::Trapped(Trap::Unreachable), 5));
    }
}

#[test]
fn every_host_entry_gets_the_whole_rest() {
    let text = r#"(module $CELLS (func $eat (global.set $rest (i32.const 7)))
        (func (export "detent:start") (call $eat)) (func (export "_initialize") (call $eat))
        (func (export "run") (result i32) (global.get $rest)))"#;
    for artefact in artefacts(text) {
        let ended =
            artefact.run(no_host(), &Call { initialize: true, budget: Budget { rest: 12345, ..budget() }, ..call("run", &[]) }).1.unwrap();
        assert_eq!(ended.end, End::Returned(vec![12345]));
    }
}

#[test]
fn status_says_why_an_unreachable_of_ours_fired() {
    let text = r#"(module $CELLS (func (export "run") (param i32) (global.set $status (local.get 0)) unreachable))"#;
    for artefact in artefacts(text) {
        let end = |status| artefact.run(no_host(), &call("run", &[status])).1.map(|ended| ended.end);
        assert_eq!(end(0), Ok(End::Trapped(Trap::Unreachable)));
        assert_eq!(end(1), Ok(End::StackOverflow));
        assert_eq!(end(2).unwrap_err().code, Code::NodeFault);
        assert_eq!(end(0), Ok(End::Trapped(Trap::Unreachable)), "status of the run before");
    }
}

#[test]
fn every_trap_has_its_name_on_every_engine() {
    let text = r#"(module (memory (export "memory") 1) (table 3 funcref) (elem (i32.const 0) $a) $CELLS
        (type $t (func)) (func $a (param i32))
        (func (export "unreachable") unreachable)
        (func (export "load") (drop (i32.load (i32.const 65533))))
        (func (export "store") (i64.store offset=4294967295 (i32.const -1) (i64.const 1)))
        (func (export "fill") (memory.fill (i32.const 65536) (i32.const 0) (i32.const 1)))
        (func (export "table") (call_indirect (type $t) (i32.const 3)))
        (func (export "null") (call_indirect (type $t) (i32.const 2)))
        (func (export "signature") (call_indirect (type $t) (i32.const 0)))
        (func (export "zero") (drop (i32.div_s (i32.const 1) (i32.const 0))))
        (func (export "overflow") (drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1))))
        (func (export "nan") (drop (i32.trunc_f64_s (f64.const nan))))
        (func (export "big") (drop (i32.trunc_f32_u (f32.const 1e30)))))"#;
    let expected = [
        ("unreachable", Trap::Unreachable),
        ("load", Trap::MemoryOutOfBounds),
        ("store", Trap::MemoryOutOfBounds),
        ("fill", Trap::MemoryOutOfBounds),
        ("table", Trap::TableOutOfBounds),
        ("null", Trap::IndirectCallToNull),
        ("signature", Trap::BadSignature),
        ("zero", Trap::IntegerDivisionByZero),
        ("overflow", Trap::IntegerOverflow),
        ("nan", Trap::BadConversionToInteger),
        ("big", Trap::IntegerOverflow),
    ];
    for artefact in artefacts(text) {
        for (entry, trap) in expected {
            assert_eq!(run(&*artefact, entry, &[]).end, End::Trapped(trap), "{entry}");
        }
    }
}

#[test]
fn values_cross_the_boundary_bit_for_bit() {
    let params = "(param i32 i64 f32 f64 i32 i64 f32 f64 i64 i64)";
    let text = format!(
        r#"(module $CELLS (func (export "run") {params} (result i32 i64 f32 f64 i32 i64 f32 f64 i64 i64)
            local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6 local.get 7 local.get 8 local.get 9))"#
    );
    let args = [u64::MAX, u64::MAX, 0xffff_ffff_7fa0_0001, 0x7ff4_0000_0000_0001, 1 << 31, 1 << 63, 0x8000_0000, 1 << 63, 5, 6];
    let back = [0xffff_ffff, u64::MAX, 0x7fa0_0001, 0x7ff4_0000_0000_0001, 1 << 31, 1 << 63, 0x8000_0000, 1 << 63, 5, 6];
    for artefact in artefacts(&text) {
        assert_eq!(run(&*artefact, "run", &args).end, End::Returned(back.to_vec()));
    }
}

#[test]
fn an_unknown_entry_or_a_wrong_number_of_arguments_is_refused() {
    let text = r#"(module $CELLS (func (export "b") (param i32)) (func (export "a")) (func (export "c")))"#;
    for artefact in artefacts(text) {
        for (entry, args) in [("d", &[][..]), ("", &[]), ("b", &[]), ("a", &[1]), ("detent:gas", &[]), ("detent:start", &[])] {
            let (_, result) = artefact.run(no_host(), &call(entry, args));
            assert_eq!(result.unwrap_err().code, Code::EntryUnknown, "{entry}");
        }
        for (entry, args) in [("a", &[][..]), ("b", &[1]), ("c", &[])] {
            assert_eq!(run(&*artefact, entry, args).end, End::Returned(vec![]));
        }
    }
}

#[test]
fn an_engine_runs_only_its_form_and_needs_the_cells() {
    use detent_gas::Form;
    for engine in engines() {
        let other = if engine.form() == Form::Side { Form::Fine } else { Form::Side };
        assert_eq!(engine.compile(form(other, "(module $CELLS)")).map(|_| ()).unwrap_err().code, Code::EngineRefused);
        for broken in ["(module)", r#"(module (global (export "detent:gas") (mut i32) (i32.const 0)))"#] {
            assert_eq!(engine.compile(form(engine.form(), broken)).map(|_| ()).unwrap_err().code, Code::EngineRefused);
        }
        let mut garbage = (*form(engine.form(), "(module $CELLS)")).clone();
        garbage.wasm.truncate(20);
        assert_eq!(engine.compile(garbage.into()).map(|_| ()).unwrap_err().code, Code::EngineRefused);
    }
    let engines = detent_engine::Engines::new(&Default::default()).unwrap();
    assert_eq!(engines.get("v8").map(|_| ()).unwrap_err().code, Code::EngineUnknown);
}

#[test]
fn refused_proposals_are_refused_by_every_engine() {
    let modules = [
        r#"(module $CELLS (memory 1 1 shared))"#,
        r#"(module $CELLS (memory i64 1))"#,
        r#"(module $CELLS (memory 1) (memory 1))"#,
        r#"(module $CELLS (func (drop (v128.const i64x2 0 0))))"#,
        r#"(module $CELLS (func $f (return_call $f)))"#,
        r#"(module $CELLS (func (param externref)))"#,
        r#"(module $CELLS (table 1 funcref) (func (table.set (i32.const 0) (ref.null func))))"#,
        r#"(module $CELLS (tag $e) (func (throw $e)))"#,
        r#"(module $CELLS (type (struct)) (func (drop (struct.new 0))))"#,
        r#"(module $CELLS (func (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))) drop))"#,
        r#"(module $CELLS (memory 1 2 (pagesize 1)))"#,
        r#"(module $CELLS (global i32 (i32.add (i32.const 1) (i32.const 2))))"#,
    ];
    for text in modules {
        let wasm = wat::parse_str(text.replace("$CELLS", CELLS)).unwrap();
        for engine in engines() {
            let mut module = (*form(engine.form(), "(module $CELLS)")).clone();
            module.wasm = wasm.clone();
            let refused = engine.compile(module.into()).map(|_| ());
            assert_eq!(refused.map_err(|f| f.code), Err(Code::EngineRefused), "{} took {text}", engine.name());
        }
    }
}
