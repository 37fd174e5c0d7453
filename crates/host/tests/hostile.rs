//! E1 of the adversarial list: whatever a contract passes, a host call answers, traps or runs out of gas; it never panics, never
//! touches the caller's memory outside the ranges named, and never charges more than there is.

mod common;

use common::call::{Bench, context, entry};
use common::world::Accounts;
use detent_engine::{Exit, Host};
use detent_gate::abi::{FieldKind, ScalarType, Schema, StateField, StateSchema};
use detent_host::{FrameContext, Function, NestedEnded, Outcome};
use proptest::prelude::*;
use std::sync::Arc;

/// Numbers where lengths and pointers change their meaning.
fn argument(size: u32) -> impl Strategy<Value = i64> {
    let edges =
        [0, 1, 4, 31, 32, 33, 64, 897, 16384, 16385, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    prop_oneof![
        3 => 0..i64::from(size.max(1)),
        3 => (0..80i64).prop_map(move |back| i64::from(size) - back),
        3 => prop::sample::select(edges.to_vec()),
        1 => any::<i64>(),
    ]
}

fn schema() -> Schema {
    let keys = [vec![], vec![ScalarType::U8], vec![ScalarType::Bytes, ScalarType::U8], vec![ScalarType::Bytes; 3]];
    let fields = keys.into_iter().zip(["\0", "\0\0", "\0\0\0", "\0\0\0\0"]).map(|(keys, name)| StateField {
        name: name.into(),
        kind: match keys.is_empty() {
            true => FieldKind::Scalar { value: ScalarType::Bytes },
            false => FieldKind::Map { keys, value: ScalarType::Bytes },
        },
    });
    Schema::new(&StateSchema { fields: fields.collect() })
}

#[derive(Clone, Debug)]
struct Attack {
    memory: Vec<u8>,
    calls: Vec<(usize, Vec<i64>)>,
    fuel: u64,
    fuel_per_gas: u64,
    view: bool,
    code: i32,
    output: Vec<u8>,
}

fn attack() -> impl Strategy<Value = Attack> {
    let memory = prop_oneof![Just(0u32), 1..200u32, Just(4096)];
    memory.prop_flat_map(|size| {
        let calls = prop::collection::vec((0..Function::ALL.len(), prop::collection::vec(argument(size), 10)), 1..12);
        let bytes = prop_oneof![Just(vec![0; size as usize]), prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], size as usize)];
        let fuel = prop_oneof![0..10_000u64, Just(1 << 40), Just(i64::MAX as u64)];
        let per_gas = prop_oneof![Just(1u64), Just(1000), Just(u64::MAX)];
        let code = prop_oneof![Just(0), Just(-10), any::<i32>()];
        (bytes, calls, fuel, per_gas, any::<bool>(), code, prop::collection::vec(any::<u8>(), 0..100)).prop_map(
            |(memory, calls, fuel, fuel_per_gas, view, code, output)| Attack { memory, calls, fuel, fuel_per_gas, view, code, output },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn hostile_arguments_only_end_their_own_frame(attack in attack()) {
        let mut world = Accounts::new(attack.fuel_per_gas);
        world.ended = Ok(NestedEnded { code: attack.code, output: attack.output, used: 3 });
        let context = FrameContext { view: attack.view, schema: Some(Arc::new(schema())), ..context() };
        let mut bench = Bench::new(world, context);
        bench.guest.memory = attack.memory;
        bench.guest.fuel = attack.fuel;
        let mut stopped = false;
        for (function, args) in attack.calls {
            let name = Function::ALL[function].name();
            let before = bench.guest.clone();
            let result = bench.call(name, &args[..entry(name).params.len()]);
            prop_assert!(bench.guest.fuel <= before.fuel);
            prop_assert_eq!(bench.guest.memory.len(), before.memory.len());
            match result {
                Ok(_) => (),
                Err(Exit::Stop) => stopped = true,
                Err(Exit::OutOfGas) => (),
                Err(Exit::Trap(words)) => {
                    let begins = format!("{name}: ");
                    prop_assert!(words.starts_with(&begins));
                    prop_assert_eq!(&bench.guest.memory, &before.memory, "{} trapped after it wrote", name);
                }
                Err(Exit::Node(fault)) => prop_assert!(false, "{name} {args:?} ends the node: {fault}"),
            }
        }
        let (world, context, outcome) = bench.end();
        prop_assert_eq!(outcome != Outcome::None, stopped);
        if context.view {
            prop_assert!(world.storage.is_empty() && world.events.is_empty() && world.balances.is_empty());
        }
    }

    /// Reads with any buffer change nothing outside the buffer and its cell.
    #[test]
    fn outputs_stay_inside_their_buffer(out in 0u32..70_000, capacity in 0u32..70_000, cell in 0u32..65_532) {
        let mut bench = Bench::plain();
        bench.guest.memory.fill(0xee);
        bench.put(cell as usize, &capacity.to_le_bytes());
        let before = bench.guest.memory.clone();
        if bench.call("calldata_copy", &[i64::from(out), i64::from(cell)]).is_ok() {
            let copied = capacity.min(20) as usize;
            let touched = |at: usize| (out as usize..out as usize + copied).contains(&at) || (cell as usize..cell as usize + 4).contains(&at);
            for (at, (now, before)) in bench.guest.memory.iter().zip(&before).enumerate() {
                prop_assert!(touched(at) || now == before);
            }
            prop_assert_eq!(bench.cell(cell as usize), 20);
        } else {
            prop_assert_eq!(bench.guest.memory, before);
        }
    }
}

/// An engine's mistake is the node's fault, not a panic.
#[test]
fn imports_and_arguments_that_do_not_exist_are_the_nodes_fault() {
    let mut bench = Bench::plain();
    assert!(matches!(bench.host.call(usize::MAX, &[], &mut bench.guest), Err(Exit::Node(_))));
    for (import, function) in Function::ALL.iter().enumerate() {
        let count = entry(function.name()).params.len();
        for wrong in (0..12).filter(|&n| n != count && count > 0) {
            let result = bench.host.call(import, &vec![0; wrong], &mut bench.guest);
            assert!(matches!(result, Err(Exit::Node(_))), "{} with {wrong} arguments: {result:?}", function.name());
        }
    }
}
