//! What a call may do, what a failed one leaves, and how calls nest.

mod common;

use common::*;
use detent_chain::address::of_contract;
use detent_chain::{Chain, Halt, Outcome, TxKind, outcome::TrapKind};
use detent_gate::abi::Attributes;
use detent_host::codes;

/// Two robots.
fn pair() -> (Chain, [u8; 32], [u8; 32]) {
    let mut chain = chain();
    let a = deploy(&mut chain, "robot-a", &robot(&[]));
    let b = deploy(&mut chain, "robot-b", &robot(&[]));
    (chain, a, b)
}

fn stored(chain: &mut Chain, who: &[u8; 32], slot: u8) -> Option<Vec<u8>> {
    chain.storage(who, &[slot; 32]).unwrap()
}

#[test]
fn a_successful_call_keeps_state_events_and_value() {
    let (mut chain, a, _) = pair();
    let done = call(&mut chain, &a, "pay", 77, &Script::new().store(1, b"one").emit(9, b"data").load(1).context().end());
    let out = output(&done);
    assert_eq!(&out[..4], &0i32.to_le_bytes(), "emit_event");
    assert_eq!(&out[4..11], b"\x03\0\0\0one");
    let mut context = [ALICE, a, ALICE].concat();
    context.extend(77u128.to_le_bytes());
    assert_eq!(&out[11..], context);
    assert_eq!(stored(&mut chain, &a, 1).as_deref(), Some(&b"one"[..]));
    assert_eq!(chain.balance(&a).unwrap(), 77);
    let event = &done.receipt.events[0];
    assert_eq!((event.emitter, &event.topics[..], &event.data[..]), (a, &[[9; 32]][..], &b"data"[..]));
}

#[test]
fn a_failed_call_leaves_nothing_but_fee_and_nonce() {
    let (mut chain, a, b) = pair();
    chain.seal().unwrap();
    let work = || {
        let inner = Script::new().store(2, b"two").emit(8, b"").transfer(&BOB, 3).end();
        Script::new().store(1, b"one").emit(9, b"data").call(Kind::Call, &b, "pay", 5, &inner)
    };
    let ends = [
        (work().revert(b"no"), Outcome::Revert { data: b"no".to_vec() }),
        (work().trap(), Outcome::Halt { reason: Halt::Trap(TrapKind::Unreachable) }),
        (work().spin(), Outcome::Halt { reason: Halt::OutOfGas }),
        (work().recurse(1_000_000), Outcome::Halt { reason: Halt::StackOverflow }),
        (work().consume(i64::MAX), Outcome::Halt { reason: Halt::OutOfGas }),
    ];
    for (script, outcome) in ends {
        let (before, nonce) = (chain.balance(&ALICE).unwrap(), chain.nonce(&ALICE).unwrap());
        let done = call(&mut chain, &a, "pay", 50, &script);
        assert_eq!(done.receipt.outcome, outcome);
        assert!(done.receipt.events.is_empty());
        assert_eq!(chain.balance(&ALICE).unwrap(), before - done.receipt.fee_paid);
        assert_eq!(chain.nonce(&ALICE).unwrap(), nonce + 1);
        assert_eq!((chain.balance(&a).unwrap(), chain.balance(&b).unwrap(), chain.balance(&BOB).unwrap()), (0, 0, RICH));
        assert_eq!((stored(&mut chain, &a, 1), stored(&mut chain, &b, 2)), (None, None));
        if outcome == (Outcome::Halt { reason: Halt::OutOfGas }) {
            assert_eq!(done.receipt.gas_used, GAS);
        }
        assert_eq!(done.receipt.fee_paid, u128::from(done.receipt.gas_used) * chain.base_fee());
    }
}

#[test]
fn a_call_that_is_not_begun_is_refused_with_the_abis_code() {
    let (mut chain, a, _) = pair();
    let refused = |chain: &mut Chain, function: &str, value: u128| match call(chain, &a, function, value, &Script::new().end()).receipt {
        r if r.gas_used == 21_000 => match r.outcome {
            Outcome::Halt { reason: Halt::Refused(code) } => Some(code),
            _ => None,
        },
        _ => None,
    };
    assert_eq!(refused(&mut chain, "nobody", 0), Some(codes::INVALID_FUNCTION_NAME));
    assert_eq!(refused(&mut chain, "hidden", 0), Some(codes::INVALID_FUNCTION_NAME), "no entry bit");
    assert_eq!(refused(&mut chain, "", 0), Some(codes::INVALID_FUNCTION_NAME));
    assert_eq!(refused(&mut chain, "run", 1), Some(codes::VALUE_TRANSFER_NOT_PAYABLE));
    assert_eq!(chain.balance(&a).unwrap(), 0);
    let garbage = chain.impersonate(ALICE, a, 0, vec![1, 2, 3], GAS, TxKind::Standard).unwrap();
    assert_eq!(garbage.receipt.outcome, Outcome::Halt { reason: Halt::Refused(codes::INVALID_INPUT) });
    let bare = chain.impersonate(ALICE, a, 5, vec![], GAS, TxKind::Standard).unwrap();
    assert_eq!(bare.receipt.outcome, Outcome::Halt { reason: Halt::Refused(codes::INVALID_FUNCTION_NAME) }, "no receive function");
}

#[test]
fn fallback_takes_unknown_names_and_receive_takes_bare_value() {
    let mut chain = chain();
    let with_receive = deploy(&mut chain, "receiver", &robot(&[("bare", Attributes::RECEIVE | Attributes::PAYABLE)]));
    let with_fallback = deploy(&mut chain, "fallen", &robot(&[("other", Attributes::FALLBACK)]));
    let bare = |chain: &mut Chain, to, value| chain.impersonate(ALICE, to, value, vec![], GAS, TxKind::Standard).unwrap().receipt.outcome;
    assert_eq!(bare(&mut chain, with_receive, 9), Outcome::Success { output: vec![] });
    assert_eq!(chain.balance(&with_receive).unwrap(), 9);
    assert_eq!(bare(&mut chain, with_receive, 0), Outcome::Halt { reason: Halt::Refused(codes::INVALID_FUNCTION_NAME) });
    let fallen = call(&mut chain, &with_fallback, "anything", 0, &Script::new().store(3, b"x").end());
    assert!(fallen.receipt.outcome.is_success());
    assert_eq!(stored(&mut chain, &with_fallback, 3).as_deref(), Some(&b"x"[..]), "the fallback sees the calldata");
    assert_eq!(bare(&mut chain, with_fallback, 9), Outcome::Halt { reason: Halt::Refused(codes::VALUE_TRANSFER_NOT_PAYABLE) });
    let unknown = call(&mut chain, &with_receive, "anything", 0, &Script::new().end());
    assert_eq!(unknown.receipt.outcome, Outcome::Halt { reason: Halt::Refused(codes::INVALID_FUNCTION_NAME) });
}

#[test]
fn nested_calls_see_their_caller_and_keep_or_lose_their_own_work() {
    let (mut chain, a, b) = pair();
    let good = Script::new().context().store(2, b"kept").emit(2, b"").end();
    let bad = Script::new().store(3, b"lost").emit(3, b"").revert(b"reason");
    let script = Script::new().call(Kind::Call, &b, "pay", 40, &good).call(Kind::Call, &b, "pay", 2, &bad).emit(1, b"").end();
    let done = call(&mut chain, &a, "pay", 100, &script);
    let out = output(&done).to_vec();
    let (code, length, bytes, rest) = nested(&out);
    let mut context = [a, b, ALICE].concat();
    context.extend(40u128.to_le_bytes());
    assert_eq!((code, length as usize, &bytes[..112]), (0, 116, &context[..]));
    let (code, length, bytes, _) = nested(rest);
    assert_eq!((code, length, bytes), (codes::CROSS_CALL_FAILED, 6, &b"reason"[..]));
    assert_eq!(stored(&mut chain, &b, 2).as_deref(), Some(&b"kept"[..]));
    assert_eq!(stored(&mut chain, &b, 3), None);
    assert_eq!((chain.balance(&a).unwrap(), chain.balance(&b).unwrap()), (60, 40));
    let topics: Vec<u8> = done.receipt.events.iter().map(|e| e.topics[0][0]).collect();
    assert_eq!(topics, [2, 1], "dropped frames leave no event and no hole");
}

#[test]
fn nested_refusals_have_their_codes_and_length_zero() {
    let (mut chain, a, b) = pair();
    let empty = Script::new().end();
    let cases = [
        (Kind::Call, b, "nobody", 0, codes::INVALID_FUNCTION_NAME),
        (Kind::Call, b, "run", 1, codes::VALUE_TRANSFER_NOT_PAYABLE),
        (Kind::Call, b, "pay", 1_000_000, codes::INSUFFICIENT_BALANCE),
        (Kind::Call, a, "pay", 0, codes::REENTRANCY_BLOCKED),
        (Kind::Static, b, "run", 0, codes::FORBIDDEN),
        (Kind::Static, [9; 32], "look", 0, codes::INVALID_FUNCTION_NAME),
        (Kind::Delegate, [9; 32], "run", 0, codes::INVALID_FUNCTION_NAME),
        (Kind::Delegate, b, "pay", 0, codes::REENTRANCY_BLOCKED),
        (Kind::Call, [9; 32], "anything", 1_000_000, codes::INSUFFICIENT_BALANCE),
    ];
    for (kind, to, function, value, expected) in cases {
        let done = call(&mut chain, &a, "pay", 10, &Script::new().call(kind, &to, function, value, &empty).end());
        let (code, length, _, rest) = nested(output(&done));
        assert_eq!((code, length, rest.len()), (expected, 0, 0), "{function} {value}");
    }
    let done = call(&mut chain, &a, "pay", 10, &Script::new().call(Kind::Call, &[9; 32], "anything", 7, &empty).end());
    assert_eq!(nested(output(&done)).0, 0, "value for an account without code just moves");
    assert_eq!(chain.balance(&[9; 32]).unwrap(), 7);
}

#[test]
fn ends_of_callees_become_codes_and_cost_what_was_used() {
    let (mut chain, a, b) = pair();
    let run = |chain: &mut Chain, inner: &Script, gas: i64| {
        let script = Script::new().gas().call_with_gas(Kind::Call, &b, "run", 0, gas, inner).gas().end();
        let done = call(chain, &a, "run", 0, &script);
        let out = output(&done);
        let before = u64::from_le_bytes(*out.first_chunk().unwrap());
        let (code, length, bytes, rest) = nested(&out[8..]);
        (code, length, bytes.to_vec(), before - u64::from_le_bytes(*rest.first_chunk().unwrap()))
    };
    let (code, length, _, used) = run(&mut chain, &Script::new().trap(), 100_000);
    assert_eq!((code, length), (codes::CROSS_CALL_FAILED, 0), "a trap has no bytes");
    assert!(used < 10_000, "a trapped callee gives the rest back: {used}");
    let (code, length, _, used) = run(&mut chain, &Script::new().spin(), 100_000);
    assert_eq!((code, length), (codes::CROSS_CALL_OUT_OF_GAS, 0));
    assert!((101_000..105_000).contains(&used), "an exhausted callee costs all it was given: {used}");
    let (code, _, _, used) = run(&mut chain, &Script::new().consume(50_000).end(), -1);
    assert_eq!(code, 0);
    assert!((51_000..56_000).contains(&used), "{used}");
    let (code, _, _, used) = run(&mut chain, &Script::new().consume(50_000).revert(b"x"), -1);
    assert_eq!(code, codes::CROSS_CALL_FAILED);
    assert!((51_000..56_000).contains(&used), "{used}");
    let (code, ..) = run(&mut chain, &Script::new().recurse(1_000_000).end(), -1);
    assert_eq!(code, codes::CROSS_CALL_FAILED, "stack overflow of a callee is a trap to the caller");
}

#[test]
fn reentrancy_is_by_address_and_function() {
    let (mut chain, a, b) = pair();
    let via_b = |function: &str, inner: &Script| {
        Script::new().call(Kind::Call, &b, "run", 0, &Script::new().call(Kind::Call, &a, function, 0, inner).end()).end()
    };
    let code_of_inner = |chain: &mut Chain, entry: &str, function: &str| {
        let done = call(chain, &a, entry, 0, &via_b(function, &Script::new().end()));
        let out = output(&done).to_vec();
        let (code, _, bytes, _) = nested(&out);
        assert_eq!(code, 0);
        nested(bytes).0
    };
    assert_eq!(code_of_inner(&mut chain, "run", "run"), codes::REENTRANCY_BLOCKED);
    assert_eq!(code_of_inner(&mut chain, "run", "pay"), 0, "another function of the same contract");
    assert_eq!(code_of_inner(&mut chain, "again", "again"), 0, "reentrant");
    assert_eq!(code_of_inner(&mut chain, "look", "look"), 0, "views are never blocked");
    // released when the frame ends, in any way
    let twice =
        Script::new().call(Kind::Call, &b, "run", 0, &Script::new().trap()).call(Kind::Call, &b, "run", 0, &Script::new().end()).end();
    let done = call(&mut chain, &a, "run", 0, &twice);
    let (_, _, _, rest) = nested(output(&done));
    assert_eq!(nested(rest).0, 0);
}

#[test]
fn delegates_work_on_the_delegators_state() {
    let (mut chain, a, b) = pair();
    let inner = Script::new().context().store(4, b"mine").emit(4, b"").transfer(&BOB, 5).end();
    let done = call(&mut chain, &a, "pay", 30, &Script::new().call(Kind::Delegate, &b, "run", 0, &inner).end());
    let (code, _, bytes, _) = nested(output(&done));
    let mut context = [ALICE, a, ALICE].concat();
    context.extend(30u128.to_le_bytes());
    assert_eq!((code, &bytes[..112]), (0, &context[..]), "caller, self, origin and value are the delegator's");
    assert_eq!(stored(&mut chain, &a, 4).as_deref(), Some(&b"mine"[..]));
    assert_eq!(stored(&mut chain, &b, 4), None);
    assert_eq!(done.receipt.events[0].emitter, a);
    assert_eq!((chain.balance(&a).unwrap(), chain.balance(&BOB).unwrap()), (25, RICH + 5));
}

#[test]
fn views_change_nothing_however_deep() {
    let (mut chain, a, b) = pair();
    for change in [Script::new().store(1, b"x").end(), Script::new().emit(1, b"").end(), Script::new().transfer(&BOB, 0).end()] {
        let direct = call(&mut chain, &a, "look", 0, &change);
        assert_eq!(direct.receipt.outcome, Outcome::Halt { reason: Halt::Trap(TrapKind::Host) });
        let done = call(&mut chain, &a, "run", 0, &Script::new().call(Kind::Static, &b, "look", 0, &change).end());
        assert_eq!(nested(output(&done)).0, codes::CROSS_CALL_FAILED);
        let deeper = Script::new().call(Kind::Call, &b, "run", 0, &change).end();
        let done = call(&mut chain, &a, "look", 0, &deeper);
        assert_eq!(nested(output(&done)).0, codes::CROSS_CALL_FAILED, "the flag is inherited by plain calls");
        let delegated = Script::new().call(Kind::Delegate, &b, "pay", 0, &change).end();
        let done = call(&mut chain, &a, "look", 0, &delegated);
        assert_eq!(nested(output(&done)).0, codes::CROSS_CALL_FAILED, "and by delegates");
    }
    let valued = Script::new().call(Kind::Call, &b, "pay", 1, &Script::new().end()).end();
    assert_eq!(call(&mut chain, &a, "look", 0, &valued).receipt.outcome, Outcome::Halt { reason: Halt::Trap(TrapKind::Host) });
    assert_eq!(stored(&mut chain, &b, 1), None);
}

#[test]
fn static_work_is_free_up_to_one_allowance_for_the_transaction() {
    let (mut chain, a, b) = pair();
    let allowance = 10_000_000u64;
    let work = |gas| Script::new().consume(gas).end();
    let used = |chain: &mut Chain, calls: &[i64]| {
        let script = calls.iter().fold(Script::new(), |s, gas| s.call(Kind::Static, &b, "look", 0, &work(*gas))).end();
        let done = call_with_gas(chain, &a, "run", 0, 30_000_000, &script);
        output(&done);
        done.receipt.fuel_used
    };
    let idle = used(&mut chain, &[0]);
    assert_eq!(used(&mut chain, &[1_000_000]), idle, "free");
    let two = used(&mut chain, &[0, 0]);
    assert_eq!(used(&mut chain, &[4_000_000, 5_000_000]), two, "free while the sum fits");
    let over = used(&mut chain, &[6_000_000, 6_000_000]) - two;
    assert!((2_000_000..2_020_000).contains(&over), "beyond {allowance} it is charged, instance charges included: {over}");

    // a static call inside a static call draws on the same allowance, once
    let inner = Script::new().call(Kind::Static, &a, "look", 0, &work(6_000_000)).consume(6_000_000).end();
    let script = Script::new().call(Kind::Static, &b, "look", 0, &inner).end();
    let done = call_with_gas(&mut chain, &a, "run", 0, 30_000_000, &script);
    assert_eq!(nested(output(&done)).0, 0);
    let over = done.receipt.fuel_used - idle;
    assert!((2_000_000..2_020_000).contains(&over), "{over}");

    // a caller with little gas may still use what is free, and no more
    let endless = Script::new().call(Kind::Static, &b, "look", 0, &Script::new().spin()).end();
    let done = call_with_gas(&mut chain, &a, "run", 0, 100_000, &endless);
    let code = match &done.receipt.outcome {
        Outcome::Success { output } => nested(output).0,
        Outcome::Halt { reason: Halt::OutOfGas } => codes::CROSS_CALL_OUT_OF_GAS,
        other => panic!("{other:?}"),
    };
    assert_eq!(code, codes::CROSS_CALL_OUT_OF_GAS);
    assert!(done.receipt.gas_used <= 100_000);

    // each transaction has its own
    assert_eq!(used(&mut chain, &[1_000_000]), idle);
}

#[test]
fn a_static_callees_limit_is_what_the_caller_named() {
    let (mut chain, a, b) = pair();
    let script = Script::new().call_with_gas(Kind::Static, &b, "look", 0, 5_000, &Script::new().consume(50_000).end()).end();
    let done = call(&mut chain, &a, "run", 0, &script);
    assert_eq!(nested(output(&done)).0, codes::CROSS_CALL_OUT_OF_GAS);
}

#[test]
fn calls_nest_1024_deep_and_the_next_traps_its_caller() {
    let mut chain = chain();
    // calls itself with one less until nothing is left, then returns; a caller whose callee failed traps
    let wat = r#"(module
        (import "pyde" "cross_call" (func $call (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (import "pyde" "calldata_copy" (func $calldata (param i32 i32) (result i32)))
        (import "pyde" "self_address" (func $self (param i32) (result i32)))
        (import "pyde" "return" (func $return (param i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 96) "go")
        (func (export "go") (local $n i32)
            (i32.store (i32.const 4) (i32.const 4))
            (drop (call $calldata (i32.const 0) (i32.const 4)))
            (local.set $n (i32.load (i32.const 0)))
            (if (i32.eqz (local.get $n)) (then (call $return (i32.const 0) (i32.const 0))))
            (i32.store (i32.const 0) (i32.sub (local.get $n) (i32.const 1)))
            (drop (call $self (i32.const 32)))
            (i32.store (i32.const 4) (i32.const 0))
            (if (call $call (i32.const 32) (i32.const 96) (i32.const 2) (i32.const 0) (i32.const 4) (i32.const 200) (i64.const -1) (i32.const 0) (i32.const 4))
                (then unreachable))))"#;
    let wasm = contract(wat, &[("go", Attributes::ENTRY | Attributes::REENTRANT)]);
    let deep = deploy(&mut chain, "deep", &wasm);
    let go = |chain: &mut Chain, n: u32| call_with_gas(chain, &deep, "go", 0, 100_000_000, &Script(n.to_le_bytes().to_vec())).receipt;
    let fits = go(&mut chain, 1024);
    assert!(fits.outcome.is_success(), "{:?}", fits.outcome);
    let too_deep = go(&mut chain, 1025);
    assert_eq!(
        too_deep.outcome,
        Outcome::Halt { reason: Halt::Trap(TrapKind::Unreachable) },
        "the 1025th frame trapped, and so did its callers"
    );
}

#[test]
fn pages_and_logical_stack_are_the_transactions() {
    let (mut chain, a, b) = pair();
    // 1020 more pages for a frame of 4: the cap of one frame
    let grow = |pages| Script::new().grow(pages).end();
    let done = call_with_gas(&mut chain, &a, "run", 0, 100_000_000, &grow(1020));
    assert_eq!(output(&done), 4i32.to_le_bytes());
    let done = call_with_gas(&mut chain, &a, "run", 0, 100_000_000, &grow(1021));
    assert_eq!(output(&done), (-1i32).to_le_bytes());
    // four frames of 1024 pages are all there are (live_pages); the fifth does not even start
    let names = ["robot-c", "robot-d", "robot-e"];
    let more: Vec<_> = names.iter().map(|n| deploy(&mut chain, n, &robot(&[]))).collect();
    let mut script = Script::new().call(Kind::Call, &more[2], "run", 0, &Script::new().end()).end();
    for target in [more[1], more[0], b] {
        script = Script(Script::new().grow(1020).0.into_iter().chain(script.0).collect());
        script = Script::new().call(Kind::Call, &target, "run", 0, &script).end();
    }
    script = Script(Script::new().grow(1020).0.into_iter().chain(script.0).collect());
    let done = call_with_gas(&mut chain, &a, "run", 0, 200_000_000, &script);
    let mut out = output(&done).to_vec();
    for depth in 0..4 {
        assert_eq!(&out[..4], &4i32.to_le_bytes(), "frame {depth} grew");
        let (code, length, bytes, _) = nested(&out[4..]);
        if depth < 3 {
            assert_eq!(code, 0, "frame {depth}");
            out = bytes.to_vec();
        } else {
            assert_eq!((code, length), (codes::CROSS_CALL_FAILED, 0), "no pages are left for the fifth frame");
        }
    }
    // the stack: what a callee may use is less by what its caller uses
    let fits = |chain: &mut Chain, n| call(chain, &a, "run", 0, &Script::new().recurse(n).end()).receipt.outcome.is_success();
    let (mut low, mut high) = (1, 100_000);
    while high - low > 1 {
        let mid = (low + high) / 2;
        if fits(&mut chain, mid) { low = mid } else { high = mid }
    }
    let done = call(&mut chain, &a, "run", 0, &Script::new().call(Kind::Call, &b, "run", 0, &Script::new().recurse(low).end()).end());
    assert_eq!(nested(output(&done)).0, codes::CROSS_CALL_FAILED, "{low} fit in the outermost frame only");
    let done = call(&mut chain, &a, "run", 0, &Script::new().call(Kind::Call, &b, "run", 0, &Script::new().recurse(low - 30).end()).end());
    assert_eq!(nested(output(&done)).0, 0);
}

#[test]
fn the_schema_is_the_running_codes() {
    let (mut chain, a, b) = pair();
    let plain = contract(include_str!("common/robot.wat"), ROBOT);
    assert_eq!(plain, robot(&[]));
    let done = call(&mut chain, &a, "run", 0, &Script::new().load_scalar("counter").load_scalar("unknown").end());
    assert_eq!(output(&done), [(-1i32).to_le_bytes(), codes::UNKNOWN_FIELD.to_le_bytes()].concat());
    let done = call(
        &mut chain,
        &a,
        "run",
        0,
        &Script::new().call(Kind::Delegate, &b, "pay", 0, &Script::new().load_scalar("counter").end()).end(),
    );
    assert_eq!(nested(output(&done)).2, (-1i32).to_le_bytes());
}

#[test]
fn raw_slots_are_private_to_their_contract() {
    let (mut chain, a, b) = pair();
    call(&mut chain, &a, "run", 0, &Script::new().store(7, b"a's").end());
    let done = call(&mut chain, &b, "run", 0, &Script::new().load(7).end());
    assert_eq!(output(&done), (-1i32).to_le_bytes());
    assert_eq!(of_contract("robot-a"), a);
}
