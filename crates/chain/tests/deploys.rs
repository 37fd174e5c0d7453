//! Deployments: names, prices, constructors, shared code.

mod common;

use common::*;
use detent_chain::address::of_contract;
use detent_chain::{Executed, Halt, Outcome, TxKind, address, outcome::TrapKind};
use detent_gate::abi::Attributes;
use detent_host::codes;
use detent_protocol::{Code, Schedule};
use detent_state::Key;

fn refused(done: &Executed) -> Code {
    match done.receipt.outcome {
        Outcome::Halt { reason: reason @ Halt::Undeployable(_) } => reason.code(),
        ref other => panic!("{other:?}"),
    }
}

const INIT: (&str, Attributes) = ("init", Attributes(Attributes::CONSTRUCTOR.0 | Attributes::ENTRY.0));

#[test]
fn the_output_is_the_address_of_the_name() {
    let mut chain = chain();
    let address = deploy(&mut chain, "counter", &robot(&[]));
    assert_eq!(address, of_contract("counter"));
    assert_eq!(chain.code(&address).unwrap().unwrap(), robot(&[]));
    let account = chain.account(&address).unwrap().unwrap();
    assert_eq!((account.kind.name(), account.code_hash), ("contract", *blake3::hash(&robot(&[])).as_bytes()));
}

#[test]
fn names_are_checked_and_unique_and_codes_are_stored_once() {
    let mut chain = chain();
    let a = deploy(&mut chain, "twin-a", &robot(&[]));
    let b = deploy(&mut chain, "twin-b", &robot(&[]));
    assert_eq!(refused(&try_deploy(&mut chain, "twin-a", &robot(&[]), &[], 0)), Code::ContractNameTaken);
    assert_eq!(refused(&try_deploy(&mut chain, "Twin", &robot(&[]), &[], 0)), Code::ContractNameInvalid);
    let hash = chain.account(&a).unwrap().unwrap().code_hash;
    assert_eq!(chain.account(&b).unwrap().unwrap().code_hash, hash);
    chain.seal().unwrap();
    let reader = chain.reader();
    assert_eq!(reader.get(&Key::code(&hash)).unwrap().unwrap().len(), robot(&[]).len());
    let codes =
        reader.scan(Some(&Key::code(&[0; 32])), 10).unwrap().into_iter().filter(|(k, _)| k.space() == detent_state::Space::Code).count();
    assert_eq!(codes, 1);
}

#[test]
fn what_the_gate_refuses_is_included_and_paid_for() {
    let mut chain = chain();
    let unimported = r#"(module (import "env" "f" (func)) (memory (export "memory") 1) (func (export "run")))"#;
    let done = try_deploy(&mut chain, "bad", &contract(unimported, &[("run", Attributes::ENTRY)]), &[], 50);
    assert_eq!(refused(&done), Code::ImportUnknown);
    assert!(done.receipt.gas_used > 32_000);
    assert!(done.notes.detail.is_some_and(|d| d.contains("env")));
    let unsectioned = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
    assert_eq!(refused(&try_deploy(&mut chain, "bad", &unsectioned, &[], 0)), Code::AbiSection);
    let kinds = chain.impersonate(ALICE, address::ZERO, 0, vec![1, 2], DEPLOY_GAS, TxKind::Deploy).unwrap();
    assert_eq!((refused(&kinds), kinds.receipt.gas_used), (Code::DeployDataMalformed, 21_000));
    assert!(chain.account(&of_contract("bad")).unwrap().is_none());
}

#[test]
fn a_deployment_costs_its_bytes_functions_and_rewritten_size() {
    let mut chain = chain();
    let wasm = robot(&[]);
    let done = try_deploy(&mut chain, "priced", &wasm, &[], 0);
    let p = &Schedule::current().deploy;
    let form = detent_gas::rewrite(
        &wasm,
        Schedule::current(),
        &detent_gas::Options { form: detent_gas::Form::Side, metering: true, reenters: vec![] },
    )
    .unwrap();
    let functions = 8; // robot.wat
    let expected = u64::from(p.base_gas)
        + u64::from(p.byte_gas) * wasm.len() as u64
        + u64::from(p.function_fuel) * functions
        + u64::from(p.rewritten_byte_fuel) * form.wasm.len() as u64;
    assert_eq!(done.receipt.fuel_used, expected);
    let limit = |chain: &mut detent_chain::Chain, name: &str, gas| {
        let data = deploy_data(name, &wasm, &[]);
        chain.impersonate(ALICE, address::ZERO, 0, data, gas, TxKind::Deploy).unwrap().receipt
    };
    let short = limit(&mut chain, "short", expected - 1);
    assert_eq!((short.outcome, short.gas_used), (Outcome::Halt { reason: Halt::OutOfGas }, expected - 1));
    assert!(limit(&mut chain, "exact", expected).outcome.is_success());
    let tiny = limit(&mut chain, "tiny", 40_000);
    assert_eq!((tiny.outcome, tiny.gas_used), (Outcome::Halt { reason: Halt::OutOfGas }, 40_000));
}

#[test]
fn a_constructor_runs_once_with_its_calldata_and_the_value() {
    let mut chain = chain();
    let payable = ("init", Attributes(INIT.1.0 | Attributes::PAYABLE.0));
    let init = Script::new().store(1, b"made").context().emit(5, b"born").end();
    let done = try_deploy(&mut chain, "made", &robot(&[payable]), &init.0, 123);
    let made = of_contract("made");
    assert_eq!(done.receipt.outcome, Outcome::Success { output: made.to_vec() });
    assert_eq!(chain.storage(&made, &[1; 32]).unwrap().as_deref(), Some(&b"made"[..]));
    assert_eq!(chain.balance(&made).unwrap(), 123);
    assert_eq!(done.receipt.events[0].emitter, made);
    let again = call(&mut chain, &made, "init", 0, &Script::new().end());
    assert_eq!(
        again.receipt.outcome,
        Outcome::Halt { reason: Halt::Refused(codes::INVALID_FUNCTION_NAME) },
        "locked out, also with the entry bit"
    );
    let nested_again = call(&mut chain, &made, "run", 0, &Script::new().call(Kind::Call, &made, "init", 0, &Script::new().end()).end());
    assert_eq!(nested(output(&nested_again)).0, codes::INVALID_FUNCTION_NAME);
}

#[test]
fn a_failed_constructor_removes_everything_and_gives_the_value_back() {
    let mut chain = chain();
    let ends = [
        (Script::new().store(1, b"x").emit(1, b"").revert(b"no"), Outcome::Revert { data: b"no".to_vec() }),
        (Script::new().store(1, b"x").trap(), Outcome::Halt { reason: Halt::Trap(TrapKind::Unreachable) }),
        (Script::new().store(1, b"x").spin(), Outcome::Halt { reason: Halt::OutOfGas }),
    ];
    for (init, outcome) in ends {
        let before = chain.balance(&ALICE).unwrap();
        let done = try_deploy(&mut chain, "failed", &robot(&[INIT]), &init.0, 77);
        assert_eq!(done.receipt.outcome, outcome);
        assert!(done.receipt.events.is_empty());
        assert_eq!(chain.balance(&ALICE).unwrap(), before - done.receipt.fee_paid);
        let address = of_contract("failed");
        assert!(chain.account(&address).unwrap().is_none());
        assert_eq!(chain.storage(&address, &[1; 32]).unwrap(), None);
    }
    let free_name = try_deploy(&mut chain, "failed", &robot(&[INIT]), &Script::new().end().0, 0);
    assert!(free_name.receipt.outcome.is_success(), "the name is free again");
}

#[test]
fn calldata_without_a_constructor_are_ignored_and_a_funded_address_keeps_its_balance() {
    let mut chain = chain();
    let address = of_contract("funded");
    chain.impersonate(ALICE, address, 500, vec![], 21_000, TxKind::Standard).unwrap();
    let done = try_deploy(&mut chain, "funded", &robot(&[]), b"ignored", 7);
    assert_eq!(done.receipt.outcome, Outcome::Success { output: address.to_vec() });
    assert_eq!(chain.balance(&address).unwrap(), 507);
}

#[test]
fn start_and_initialize_run_in_every_frame_before_the_entry() {
    let mut chain = chain();
    let wat = r#"(module
        (import "pyde" "return" (func $return (param i32 i32)))
        (import "pyde" "caller" (func $caller (param i32) (result i32)))
        (memory (export "memory") 1)
        (func $start (i32.store8 (i32.const 0) (i32.const 1)) (drop (call $caller (i32.const 32))))
        (start $start)
        (func (export "_initialize") (i32.store8 (i32.const 1) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1))))
        (func (export "get") (call $return (i32.const 0) (i32.const 2))))"#;
    let c = deploy(&mut chain, "starter", &contract(wat, &[("get", Attributes::ENTRY)]));
    for _ in 0..3 {
        assert_eq!(output(&call(&mut chain, &c, "get", 0, &Script::new())), [1, 2], "fresh each time");
    }
}
