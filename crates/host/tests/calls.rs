//! Calls between contracts: what the chain is asked, what the caller pays, and what it finds in its buffer.

mod common;

use common::call::{Bench, context, traps};
use common::world::Accounts;
use detent_engine::Exit;
use detent_host::{CallKind, FrameContext, NestedCall, NestedEnded};

const TARGET: usize = 0;
const NAME: usize = 100;
const DATA: usize = 200;
const VALUE: usize = 300;
const OUT: usize = 1000;
const CELL: usize = 5000;

fn bench(fuel_per_gas: u64, context: FrameContext, ended: Result<NestedEnded, Exit>) -> Bench {
    let mut world = Accounts::new(fuel_per_gas);
    world.ended = ended;
    let mut bench = Bench::new(world, context);
    bench.put(TARGET, &[0x7a; 32]);
    bench.put(NAME, b"transfer");
    bench.put(DATA, b"calldata!");
    bench.put(CELL, &64u32.to_le_bytes());
    bench
}

fn ended(code: i32, output: &[u8], used: u64) -> Result<NestedEnded, Exit> {
    Ok(NestedEnded { code, output: output.to_vec(), used })
}

/// Arguments of the three functions for one call; the value only for `cross_call`.
fn args(name: &str, name_length: i64, data_length: i64, gas: i64) -> Vec<i64> {
    let mut args = vec![TARGET as i64, NAME as i64, name_length, DATA as i64, data_length];
    if name == "cross_call" {
        args.push(VALUE as i64);
    }
    args.extend([gas, OUT as i64, CELL as i64]);
    args
}

const FUNCTIONS: [(&str, CallKind, u64, u64); 3] = [
    ("cross_call", CallKind::Call, 1000, 8),
    ("cross_call_static", CallKind::Static, 50, 0),
    ("delegate_call", CallKind::Delegate, 1200, 8),
];

#[test]
fn the_chain_is_asked_exactly_what_the_contract_asked() {
    for (name, kind, base, per_byte) in FUNCTIONS {
        let mut bench = bench(1, context(), ended(0, b"result", 77));
        bench.put(VALUE, &9u128.to_le_bytes());
        bench.guest.fuel = 1_000_000;
        let paid = base + 9 * per_byte;
        assert_eq!(bench.metered(name, &args(name, 8, 9, 5000)), (Ok(0), paid + 77), "{name}");
        assert_eq!((bench.get(OUT, 7), bench.cell(CELL)), (&b"result\0"[..], 6));
        let (world, ..) = bench.end();
        let asked = NestedCall {
            kind,
            target: [0x7a; 32],
            function: "transfer".into(),
            calldata: b"calldata!".to_vec(),
            value: if kind == CallKind::Call { 9 } else { 0 },
            fuel: 5000,
            limit: 5000,
            rest: 4096,
            pages: 17,
        };
        assert_eq!(world.asked, [(asked, false)], "{name}");
    }
}

#[test]
fn fuel_forwarded_is_the_limit_or_what_is_left() {
    for (gas, fuel, limit) in [
        (0, 0, 0),
        (7, 7_000, 7_000),
        (90, 90_000, 90_000),
        (99, 98_999, 99_000),
        (i64::MAX, 98_999, u64::MAX),
        (1 << 62, 98_999, u64::MAX),
        (-1, 98_999, u64::MAX),
        (i64::MIN, 98_999, u64::MAX),
    ] {
        let mut bench = bench(1000, context(), ended(0, b"", 0));
        bench.guest.fuel = 1_000_000 + 98_999; // base 1000 gas
        bench.call("cross_call", &args("cross_call", 8, 0, gas)).unwrap();
        let (world, ..) = bench.end();
        assert_eq!((world.asked[0].0.fuel, world.asked[0].0.limit), (fuel, limit), "limit {gas}");
    }
}

#[test]
fn the_caller_pays_what_was_used_whatever_the_end() {
    for code in [0, -3, -9, -10, -11, -13] {
        let mut bench = bench(1000, context(), ended(code, b"", 123));
        assert_eq!(bench.metered("cross_call", &args("cross_call", 8, 2, -1)), (Ok(i64::from(code)), 1_016_000 + 123));
    }
    let mut bench = bench(1, context(), ended(0, b"out", 1001));
    bench.guest.fuel = 2000;
    assert_eq!(bench.call("cross_call", &args("cross_call", 8, 0, -1)), Err(Exit::OutOfGas));
    assert_eq!((bench.get(OUT, 3), bench.cell(CELL)), (&[0; 3][..], 64), "nothing is written that was not paid");
}

#[test]
fn the_length_cell_tells_the_true_length_and_zero_on_refusals() {
    for (code, output, told) in [
        (0, &b"0123456789"[..], 10),
        (0, b"", 0),
        (-10, b"reason", 6),
        (-10, b"", 0),
        (-3, b"", 0),
        (-11, b"x", 0),
        (-13, b"", 0),
        (-9, b"", 0),
    ] {
        for (name, ..) in FUNCTIONS {
            let mut bench = bench(1, context(), ended(code, output, 0));
            bench.put(CELL, &4u32.to_le_bytes());
            bench.put(OUT, &[0xee; 16]);
            assert_eq!(bench.call(name, &args(name, 8, 0, -1)), Ok(i64::from(code)));
            assert_eq!(bench.cell(CELL), told, "{name} {code}");
            let copied = (told as usize).min(4);
            assert_eq!(bench.get(OUT, copied), &output[..copied]);
            assert_eq!(bench.get(OUT + copied, 1), [0xee], "{name} {code}: nothing beyond the capacity");
        }
    }
}

#[test]
fn a_name_that_is_no_text_is_no_function() {
    for (name, _, base, _) in FUNCTIONS {
        let mut bench = bench(1, context(), ended(0, b"never", 0));
        bench.put(NAME, &[0xff, 0xfe]);
        assert_eq!(bench.metered(name, &args(name, 2, 0, -1)), (Ok(-13), base));
        assert_eq!(bench.cell(CELL), 0);
        assert!(bench.end().0.asked.is_empty());
    }
}

#[test]
fn lengths_and_pointers_trap_before_the_chain_is_asked() {
    for (name, _, base, _) in FUNCTIONS {
        let mut bench = bench(1, context(), ended(0, b"", 0));
        let mut refuse = |position: usize, value: i64, words: &str| {
            let mut args = args(name, 8, 9, -1);
            let at = if position >= 90 { args.len() - (100 - position) } else { position }; // 98 and 99 are the last two
            args[at] = value;
            let (result, used) = bench.metered(name, &args);
            assert!(traps(&result, words), "{name} {position}: {result:?}");
            assert_eq!(used, base, "{name}: nothing but the base");
        };
        refuse(0, 65536 - 31, "32 bytes at 65505");
        refuse(1, -1, "8 bytes at 4294967295");
        refuse(2, -1, "fn_name_len is -1");
        refuse(2, 257, "fn_name_len is 257");
        refuse(3, 65536, "9 bytes at 65536");
        refuse(4, -9, "calldata_len is -9");
        refuse(4, 65537, "calldata_len is 65537");
        refuse(98, 65536 - 63, "64 bytes at 65473");
        refuse(99, 65533, "4 bytes at 65533");
        bench.put(CELL, &u32::MAX.to_le_bytes());
        assert!(traps(&bench.call(name, &args(name, 8, 9, -1)), "4294967295 bytes at 1000"), "a false capacity");
        assert!(bench.end().0.asked.is_empty());
    }
}

#[test]
fn views_call_but_move_no_value() {
    let view = || FrameContext { view: true, ..context() };
    let mut bench1 = bench(1, view(), ended(0, b"", 0));
    assert_eq!(bench1.call("cross_call", &args("cross_call", 8, 0, -1)), Ok(0));
    bench1.put(VALUE, &1u128.to_le_bytes());
    let (result, used) = bench1.metered("cross_call", &args("cross_call", 8, 1, -1));
    assert!(traps(&result, "cross_call: the frame is a view and may not move value"));
    assert_eq!(used, 1008);
    let (world, ..) = bench1.end();
    assert_eq!(world.asked.len(), 1);
    assert!(world.asked[0].1, "the chain sees the caller's flag");
}

#[test]
fn what_ends_the_caller_ends_it() {
    for exit in [Exit::Trap("call depth".into()), Exit::OutOfGas] {
        let mut bench = bench(1, context(), Err(exit.clone()));
        let result = bench.call("delegate_call", &args("delegate_call", 8, 0, -1));
        match exit {
            Exit::Trap(_) => assert!(traps(&result, "delegate_call: call depth")),
            other => assert_eq!(result, Err(other)),
        }
    }
}
