//! The order of a host call: base charge; signs and length caps; pointer ranges; charges by size; view flag; effect.
//! The first step that fails ends the call, with the charges so far (docs/metering.md, section 7).

mod common;

use common::call::{Bench, context, entry, traps};
use common::world::Accounts;
use detent_engine::Exit;
use detent_host::{FrameContext, Function};
use detent_protocol::ValueType;

/// Arguments that break as many steps as they can: every length negative, every pointer outside.
fn hostile(name: &str) -> Vec<i64> {
    entry(name).params.iter().map(|ty| if *ty == ValueType::I32 { -1 } else { i64::MAX }).collect()
}

#[test]
fn the_base_charge_precedes_everything() {
    for fuel_per_gas in [1, 1000] {
        for function in Function::ALL {
            let name = function.name();
            let base = entry(name).base * fuel_per_gas;
            if base == 0 {
                continue;
            }
            let mut bench = Bench::new(Accounts::new(fuel_per_gas), FrameContext { view: true, ..context() });
            bench.guest.fuel = base - 1;
            assert_eq!(bench.call(name, &hostile(name)), Err(Exit::OutOfGas), "{name}");
            bench.guest.fuel = base;
            assert_ne!(bench.call(name, &hostile(name)), Err(Exit::Stop), "{name}");
            assert!(bench.guest.fuel == 0, "{name} takes its base");
        }
    }
}

#[test]
fn without_any_memory_a_call_that_needs_one_traps() {
    for function in Function::ALL {
        let name = function.name();
        let mut bench = Bench::plain();
        bench.guest.memory.clear();
        let zeros = vec![0; entry(name).params.len()];
        let result = bench.call(name, &zeros);
        match function {
            // numbers, and what is refused or done before memory is touched
            Function::WaveId | Function::WaveTimestamp | Function::ChainId | Function::TxGasRemaining | Function::CalldataSize => {
                assert!(result.is_ok(), "{name}")
            }
            Function::ConsumeGas => assert_eq!(result, Ok(0)),
            Function::EmitEvent => assert_eq!(result, Ok(-1), "no topics"),
            Function::Return | Function::Revert => assert_eq!(result, Err(Exit::Stop)),
            // an empty name is a range of length 0: the schema is asked
            _ if name.contains("_scalar") || name.contains("_map") => assert_eq!(result, Ok(-30), "{name}"),
            _ => assert!(traps(&result, "not inside the memory of 0 bytes"), "{name}: {result:?}"),
        }
    }
}

/// One line a pair of faults: the call, what it must end with, and the gas it took.
#[test]
fn of_two_faults_the_earlier_step_wins() {
    enum Is {
        Trap(&'static str),
        Value(i64),
        OutOfGas,
    }
    use Is::{OutOfGas, Trap, Value};
    let outside = 65536;
    let cases: [(&str, &[i64], u64, Is, u64); 17] = [
        // length before pointer
        ("sload", &[outside, outside, -1], 1 << 30, Trap("out_max"), 100),
        ("sstore", &[outside, outside, 16385], 1 << 30, Trap("val_len"), 5000),
        ("hash_blake3", &[outside, -1, outside], 1 << 30, Trap("in_len"), 15),
        ("falcon_verify", &[outside, outside, -1, outside, 1001], 1 << 30, Trap("msg_len"), 50_000),
        ("sstore_map2", &[outside, 1, outside, -1, outside, -2, outside, -3], 1 << 30, Trap("key_len is -1"), 5020),
        ("sstore_map1", &[outside, 1, outside, 1, outside, -3], 1 << 30, Trap("val_len is -3"), 5020),
        // pointers in the order of the parameters
        ("sstore", &[65536, 65537, 5], 1 << 30, Trap("32 bytes at 65536"), 5000),
        ("balance", &[65536, 65537], 1 << 30, Trap("32 bytes at 65536"), 100),
        ("sload_map1", &[65536, 1, 65537, 2, 65538, 3], 1 << 30, Trap("1 bytes at 65536"), 120),
        ("sload_map1", &[0, 1, 65537, 2, 65538, 3], 1 << 30, Trap("2 bytes at 65537"), 120),
        ("sload_map1", &[0, 1, 1, 2, 65538, 3], 1 << 30, Trap("3 bytes at 65538"), 120),
        // pointer before the charge by size
        ("sstore", &[0, 65536, 5], 5000, Trap("5 bytes"), 5000),
        ("hash_poseidon2", &[0, 8, 65536], 100, Trap("32 bytes"), 100),
        ("emit_event", &[0, 1, 65536, 5], 100, Trap("5 bytes"), 100),
        // the charge by size before the view flag, and before the schema
        ("sstore", &[0, 0, 5], 5000, OutOfGas, 0),
        ("emit_event", &[0, 1, 0, 5], 150, OutOfGas, 0),
        // a code that sizes decide comes before everything after it
        ("emit_event", &[outside, 5, outside, 5], 100, Value(-1), 100),
    ];
    for (name, args, fuel, is, took) in cases {
        let mut bench = Bench::new(Accounts::new(1), FrameContext { view: true, ..context() });
        bench.guest.fuel = fuel;
        let (result, used) = bench.metered(name, args);
        match is {
            Trap(words) => assert!(traps(&result, words), "{name} {args:?}: {result:?}"),
            Value(value) => assert_eq!(result, Ok(value), "{name} {args:?}"),
            OutOfGas => assert_eq!(result, Err(Exit::OutOfGas), "{name} {args:?}"),
        }
        if !matches!(is, OutOfGas) {
            assert_eq!(used, took, "{name} {args:?}");
        }
    }
}

#[test]
fn every_price_scales_with_fuel_per_gas() {
    for (name, args) in [
        ("sload", &[0, 100, 8][..]),
        ("sstore", &[0, 100, 8]),
        ("sload_scalar", &[0, 80, 100, 8]),
        ("calldata_copy", &[100, 0]),
        ("emit_event", &[0, 2, 0, 9]),
        ("hash_keccak256", &[0, 17, 100]),
        ("cross_call", &[0, 0, 1, 0, 7, 0, -1, 0, 0]),
        ("consume_gas", &[11]),
    ] {
        let used = |fuel_per_gas| Bench::new(Accounts::new(fuel_per_gas), context()).metered(name, args).1;
        assert_eq!(used(1000), 1000 * used(1), "{name}");
    }
}
