//! What a frame learns of itself, its transaction, its block and balances.

mod common;

use common::call::{Bench, CALLER, ORIGIN, SELF, TX_HASH, context, traps};
use common::world::Accounts;
use detent_engine::Exit;
use detent_host::FrameContext;

const OUT: i64 = 40_000;

#[test]
fn addresses_hashes_and_the_beacon_are_32_bytes() {
    let cases =
        [("caller", CALLER, 5), ("origin", ORIGIN, 5), ("self_address", SELF, 5), ("tx_hash", TX_HASH, 5), ("beacon_get", [0xbe; 32], 50)];
    for (name, value, price) in cases {
        let mut bench = Bench::plain();
        assert_eq!(bench.metered(name, &[OUT]), (Ok(0), price), "{name}");
        assert_eq!(bench.get(40_000, 33), [&value[..], &[0]].concat(), "{name}");
        assert!(bench.call(name, &[65536 - 32]).is_ok(), "{name}: the last 32 bytes are memory");
        assert!(traps(&bench.call(name, &[65536 - 31]), "32 bytes at 65505 are not inside"), "{name}");
        assert!(traps(&bench.call(name, &[-1]), "32 bytes at 4294967295"), "{name}: pointers are unsigned");
    }
}

#[test]
fn block_and_chain_numbers_are_whole_u64s() {
    let mut bench = Bench::plain();
    assert_eq!(bench.metered("wave_id", &[]), (Ok(1 << 40), 2));
    assert_eq!(bench.metered("wave_timestamp", &[]), (Ok(-6), 2), "u64::MAX - 5 in an i64");
    assert_eq!(bench.metered("chain_id", &[]), (Ok(31337), 2));
}

#[test]
fn value_is_that_of_the_frame() {
    let mut bench = Bench::plain();
    assert_eq!(bench.metered("tx_value", &[OUT]), (Ok(0), 5));
    assert_eq!(bench.get(40_000, 16), (5u128 << 100).to_le_bytes());
    assert!(traps(&bench.call("tx_value", &[65536 - 15]), "16 bytes"));
}

#[test]
fn gas_left_is_after_the_call_and_rounded_down() {
    let mut bench = Bench::new(Accounts::new(1000), context());
    bench.guest.fuel = 10_999;
    assert_eq!(bench.call("tx_gas_remaining", &[]), Ok(8));
    assert_eq!(bench.guest.fuel, 8_999);
    bench.guest.fuel = 1_999;
    assert_eq!(bench.call("tx_gas_remaining", &[]), Err(Exit::OutOfGas));
}

#[test]
fn consume_gas_burns_what_it_says() {
    let mut bench = Bench::new(Accounts::new(1000), context());
    for (amount, burnt) in [(0, 2_000), (-1, 2_000), (i64::MIN, 2_000), (7, 9_000)] {
        assert_eq!(bench.metered("consume_gas", &[amount]), (Ok(0), burnt), "{amount}");
    }
    bench.guest.fuel = 5_000;
    assert_eq!(bench.metered("consume_gas", &[3]), (Ok(0), 5_000));
    bench.guest.fuel = 5_000;
    assert_eq!(bench.call("consume_gas", &[4]), Err(Exit::OutOfGas));
    bench.guest.fuel = u64::MAX >> 1;
    assert_eq!(bench.call("consume_gas", &[i64::MAX]), Err(Exit::OutOfGas), "the product saturates");
}

#[test]
fn calldata_is_copied_up_to_the_capacity_and_its_length_told() {
    let mut bench = Bench::plain();
    assert_eq!(bench.metered("calldata_size", &[]), (Ok(20), 2));
    let all: Vec<u8> = (1..=20).collect();
    for (capacity, copied) in [(0u32, 0usize), (1, 1), (19, 19), (20, 20), (21, 20), (20_000, 20)] {
        bench.put(40_000, &[0; 32]);
        bench.put(100, &capacity.to_le_bytes());
        assert_eq!(bench.metered("calldata_copy", &[OUT, 100]), (Ok(0), 8 + copied as u64), "capacity {capacity}");
        assert_eq!(bench.get(40_000, copied), &all[..copied]);
        assert_eq!(bench.get(40_000 + copied, 1), [0], "nothing beyond");
        assert_eq!(bench.cell(100), 20);
    }
    bench.put(100, &0u32.to_le_bytes());
    assert_eq!(bench.call("calldata_copy", &[-1, 100]), Ok(0), "capacity 0: the pointer is never dereferenced");
    bench.put(100, &u32::MAX.to_le_bytes());
    assert!(traps(&bench.call("calldata_copy", &[OUT, 100]), "4294967295 bytes at 40000"), "a false capacity");
    assert!(traps(&bench.call("calldata_copy", &[OUT, 65533]), "4 bytes at 65533"));
    bench.put(100, &20u32.to_le_bytes());
    bench.guest.fuel = 27;
    assert_eq!(bench.call("calldata_copy", &[OUT, 100]), Err(Exit::OutOfGas));
}

#[test]
fn balances_of_anyone_and_zero_of_no_one() {
    let mut world = Accounts::new(1);
    world.balances.insert([7; 32], u128::MAX);
    let mut bench = Bench::new(world, FrameContext { view: true, ..context() });
    bench.put(0, &[7; 32]);
    assert_eq!(bench.metered("balance", &[0, OUT]), (Ok(0), 100));
    assert_eq!(bench.get(40_000, 17), [&[0xff; 16][..], &[0]].concat());
    assert_eq!(bench.call("balance", &[1000, OUT]), Ok(0));
    assert_eq!(bench.get(40_000, 16), [0; 16]);
    assert_eq!(bench.call("balance", &[0, 16]), Ok(0), "the address is read before the output is written");
    assert!(traps(&bench.call("balance", &[65536 - 31, OUT]), "32 bytes"));
    assert!(traps(&bench.call("balance", &[0, 65536 - 15]), "16 bytes"));
}

#[test]
fn transfers_move_from_the_frames_own_account_or_say_why_not() {
    let mut world = Accounts::new(1);
    world.balances.insert(SELF, 100);
    world.balances.insert([8; 32], u128::MAX - 10);
    let mut bench = Bench::new(world, context());
    bench.put(0, &[7; 32]);
    bench.put(32, &[8; 32]);
    bench.put(64, &SELF);
    let amount = |bench: &mut Bench, amount: u128| bench.put(200, &amount.to_le_bytes());
    amount(&mut bench, 30);
    assert_eq!(bench.metered("transfer", &[0, 200]), (Ok(0), 7000));
    amount(&mut bench, 71);
    assert_eq!(bench.metered("transfer", &[0, 200]), (Ok(-3), 7000));
    assert_eq!(bench.call("transfer", &[64, 200]), Ok(-3), "to itself, more than it has");
    amount(&mut bench, 70);
    assert_eq!(bench.call("transfer", &[64, 200]), Ok(0), "to itself, without effect");
    assert!(traps(&bench.call("transfer", &[32, 200]), "exceed 128 bits"));
    let (world, ..) = bench.end();
    assert_eq!((world.balances[&SELF], world.balances[&[7; 32]], world.balances[&[8; 32]]), (70, 30, u128::MAX - 10));
}

#[test]
fn views_transfer_nothing_not_even_zero() {
    let mut bench = Bench::new(Accounts::new(1), FrameContext { view: true, ..context() });
    let (result, used) = bench.metered("transfer", &[0, 200]);
    assert!(traps(&result, "transfer: the frame is a view"));
    assert_eq!(used, 7000);
    assert!(traps(&bench.call("transfer", &[-1, 200]), "32 bytes"), "pointers are checked before the flag");
}
