//! Random transactions: both engines agree on every byte, and value is conserved, whatever contracts do to each other.

mod common;

use common::*;
use detent_chain::fees::Split;
use detent_chain::payload::CallPayload;
use detent_chain::{Address, Chain, Genesis, TxKind, address};
use detent_gate::abi::Attributes;
use proptest::prelude::*;

const NAMES: [&str; 3] = ["robot-a", "robot-b", "robot-c"];
const FUNCTIONS: [&str; 8] = ["run", "look", "pay", "again", "hidden", "init", "", "nobody"];

fn target(i: u8) -> Address {
    match i {
        0..=2 => address::of_contract(NAMES[usize::from(i)]),
        3 => BOB,
        _ => [i; 32],
    }
}

/// Commands, nested up to `depth`.
fn script(depth: u32) -> BoxedStrategy<Script> {
    #[derive(Clone, Debug)]
    enum Op {
        Store(u8, Vec<u8>),
        Load(u8),
        Emit(u8),
        Transfer(u8, u128),
        Context,
        Consume(i64),
        Gas,
        Grow(i32),
        Scalar,
        Balance(u8),
        Recurse(i32),
        Call(u8, u8, usize, u128, i64, Vec<u8>),
    }
    let gas = prop_oneof![4 => Just(-1i64), 1 => Just(i64::MAX), 1 => 0i64..60_000, 1 => Just(i64::MIN)];
    let inner = if depth == 0 { Just(Script::new().end().0).boxed() } else { script(depth - 1).prop_map(|s| s.0).boxed() };
    let op = prop_oneof![
        3 => (0u8..4, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(slot, value)| Op::Store(slot, value)),
        2 => (0u8..4).prop_map(Op::Load),
        2 => any::<u8>().prop_map(Op::Emit),
        2 => (0u8..6, 0u128..3000).prop_map(|(to, amount)| Op::Transfer(to, amount)),
        1 => Just(Op::Context),
        1 => (-5i64..20_000).prop_map(Op::Consume),
        1 => Just(Op::Gas),
        1 => (0i32..3).prop_map(Op::Grow),
        1 => Just(Op::Scalar),
        1 => (0u8..6).prop_map(Op::Balance),
        1 => (0i32..300).prop_map(Op::Recurse),
        5 => (0u8..3, 0u8..6, 0usize..FUNCTIONS.len(), prop_oneof![2 => Just(0u128), 1 => 0u128..2000], gas, inner)
            .prop_map(|(kind, to, function, value, gas, inner)| Op::Call(kind, to, function, value, gas, inner)),
    ];
    let end = prop_oneof![6 => Just(0u8), 2 => Just(1), 1 => Just(2), 1 => Just(3)];
    (prop::collection::vec(op, 0..6), end)
        .prop_map(|(ops, end)| {
            let done = ops.into_iter().fold(Script::new(), |s, op| match op {
                Op::Store(slot, value) => s.store(slot, &value),
                Op::Load(slot) => s.load(slot),
                Op::Emit(topic) => s.emit(topic, b"event"),
                Op::Transfer(to, amount) => s.transfer(&target(to), amount),
                Op::Context => s.context(),
                Op::Consume(gas) => s.consume(gas),
                Op::Gas => s.gas(),
                Op::Grow(pages) => s.grow(pages),
                Op::Scalar => s.load_scalar("counter"),
                Op::Balance(who) => s.balance(&target(who)),
                Op::Recurse(depth) => s.recurse(depth),
                Op::Call(kind, to, function, value, gas, inner) => {
                    let kind = [Kind::Call, Kind::Static, Kind::Delegate][usize::from(kind)];
                    s.call_with_gas(kind, &target(to), FUNCTIONS[function], value, gas, &Script(inner))
                }
            });
            match end {
                0 => done.end(),
                1 => done.revert(b"no"),
                2 => done.trap(),
                _ => done.spin(),
            }
        })
        .boxed()
}

#[derive(Clone, Debug)]
struct Step {
    to: u8,
    function: usize,
    value: u128,
    gas: u64,
    script: Vec<u8>,
    seal: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let gas = prop_oneof![3 => Just(400_000u64), 1 => 21_000u64..60_000];
    (0u8..6, 0usize..FUNCTIONS.len(), prop_oneof![1 => Just(0u128), 1 => 0u128..5000], gas, script(2), any::<bool>())
        .prop_map(|(to, function, value, gas, script, seal)| Step { to, function, value, gas, script: script.0, seal })
}

fn start(engine: &str) -> Chain {
    let mut chain = Chain::memory(Genesis { base_fee: 7, ..genesis() }, options(engine)).unwrap();
    let init = ("init", Attributes::CONSTRUCTOR | Attributes::ENTRY);
    deploy(&mut chain, NAMES[0], &robot(&[]));
    deploy(&mut chain, NAMES[1], &robot(&[("other", Attributes(Attributes::FALLBACK.0 | Attributes::PAYABLE.0))]));
    deploy(&mut chain, NAMES[2], &robot(&[init, ("bare", Attributes::RECEIVE | Attributes::PAYABLE)]));
    for name in NAMES {
        chain.impersonate(BOB, address::of_contract(name), 1000, CallPayload::encode("pay", &[]), GAS, TxKind::Standard).unwrap();
    }
    chain.seal().unwrap();
    chain
}

/// Everything that is anywhere, and what was burned.
fn value(chain: &mut Chain) -> u128 {
    let fixed = [ALICE, BOB, address::treasury(), address::reward_pool(), [4; 32], [5; 32], [0; 32]];
    let contracts = NAMES.map(address::of_contract);
    let held: u128 = fixed.iter().chain(&contracts).map(|a| chain.balance(a).unwrap()).sum();
    let fees = |h| chain.block(h).map(|b| Split::of(u128::from(b.header.gas_used) * b.header.base_fee).burned).unwrap();
    held + (1..=chain.height()).map(fees).sum::<u128>()
}

fn run(chain: &mut Chain, steps: &[Step]) {
    for step in steps {
        let data = CallPayload::encode(FUNCTIONS[step.function], &step.script);
        chain.impersonate(ALICE, target(step.to), step.value, data, step.gas, TxKind::Standard).unwrap();
        if step.seal {
            chain.seal().unwrap();
        }
    }
    chain.seal().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn both_engines_agree_on_every_byte_and_value_is_conserved(steps in prop::collection::vec(step(), 1..8)) {
        let (mut one, mut two) = (start("cranelift"), start("wasmi"));
        run(&mut one, &steps);
        run(&mut two, &steps);
        for height in 1..=one.height() {
            prop_assert_eq!(one.receipts(height).unwrap(), two.receipts(height).unwrap());
            prop_assert_eq!(one.block(height).unwrap().header, two.block(height).unwrap().header);
        }
        prop_assert_eq!(one.height(), two.height());
        prop_assert_eq!(value(&mut one), 2 * RICH);
        for height in 1..=one.height() {
            for r in one.receipts(height).unwrap() {
                prop_assert!(r.gas_used >= 21_000);
                prop_assert!(r.outcome.is_success() || r.events.is_empty());
            }
        }
    }

    #[test]
    fn hostile_calldata_never_reach_the_node(data in prop::collection::vec(any::<u8>(), 0..300), function in 0usize..FUNCTIONS.len(), raw in any::<bool>()) {
        let mut chain = start("cranelift");
        let data = if raw { data } else { CallPayload::encode(FUNCTIONS[function], &data) };
        let done = chain.impersonate(ALICE, target(1), 3, data, 200_000, TxKind::Standard).unwrap();
        prop_assert!(done.receipt.gas_used <= 200_000);
        chain.seal().unwrap();
        prop_assert_eq!(value(&mut chain), 2 * RICH);
    }
}
