//! Raw storage: values are byte strings under 32-byte slots, private to the frame's own account.

mod common;

use common::call::{Bench, SELF, context, traps};
use common::world::Accounts;
use detent_engine::Exit;
use detent_protocol::{Code, Fault};

const SLOT: i64 = 0;
const VALUE: i64 = 100;
const OUT: i64 = 40_000;

#[test]
fn what_was_stored_is_loaded_and_priced_by_its_bytes() {
    let mut bench = Bench::plain();
    bench.put(0, &[9; 32]);
    bench.put(100, b"sixteen bytes ok");
    assert_eq!(bench.metered("sload", &[SLOT, OUT, 64]), (Ok(-1), 100));
    assert_eq!(bench.metered("sstore", &[SLOT, VALUE, 16]), (Ok(0), 5000 + 16 * 32));
    assert_eq!(bench.metered("sload", &[SLOT, OUT, 64]), (Ok(16), 100 + 16));
    assert_eq!(bench.get(40_000, 17), b"sixteen bytes ok\0");
    assert_eq!(bench.metered("sdelete", &[SLOT]), (Ok(0), 5000));
    assert_eq!(bench.metered("sdelete", &[SLOT]), (Ok(0), 5000), "deleting nothing costs the same");
    assert_eq!(bench.call("sload", &[SLOT, OUT, 64]), Ok(-1));
    assert!(bench.end().0.storage.is_empty());
}

#[test]
fn a_short_buffer_gets_what_fits_and_learns_the_length() {
    let mut bench = Bench::plain();
    bench.put(100, &[7; 50]);
    bench.call("sstore", &[SLOT, VALUE, 50]).unwrap();
    assert_eq!(bench.metered("sload", &[SLOT, OUT, 0]), (Ok(50), 100), "the length probe");
    assert_eq!(bench.metered("sload", &[SLOT, -1, 0]), (Ok(50), 100), "whose pointer is never dereferenced");
    assert_eq!(bench.metered("sload", &[SLOT, OUT, 3]), (Ok(50), 103));
    assert_eq!(bench.get(40_000, 4), [7, 7, 7, 0]);
}

#[test]
fn empty_is_not_missing() {
    let mut bench = Bench::plain();
    assert_eq!(bench.metered("sstore", &[SLOT, -1, 0]), (Ok(0), 5000));
    assert_eq!(bench.call("sload", &[SLOT, OUT, 8]), Ok(0));
}

#[test]
fn slots_belong_to_the_frames_own_account() {
    let mut bench = Bench::plain();
    bench.put(0, &[9; 32]);
    bench.put(100, b"mine");
    bench.call("sstore", &[SLOT, VALUE, 4]).unwrap();
    let (world, mut context, _) = bench.end();
    assert_eq!(world.storage.into_iter().collect::<Vec<_>>(), [((SELF, [9; 32]), b"mine".to_vec())]);
    context.self_address = [1; 32];
    let mut other = Bench::new(Accounts::new(1), context);
    other.put(0, &[9; 32]);
    assert_eq!(other.call("sload", &[SLOT, OUT, 4]), Ok(-1));
}

#[test]
fn values_end_at_the_limit() {
    let mut bench = Bench::plain();
    assert_eq!(bench.call("sstore", &[SLOT, VALUE, 16384]), Ok(0));
    assert!(traps(&bench.call("sstore", &[SLOT, VALUE, 16385]), "sstore: val_len is 16385, above its limit of 16384"));
    assert!(traps(&bench.call("sstore", &[SLOT, VALUE, -1]), "val_len is -1"));
    assert!(traps(&bench.call("sload", &[SLOT, OUT, -1]), "sload: out_max is -1"));
}

#[test]
fn an_input_that_overlaps_the_output_is_read_first() {
    let mut bench = Bench::plain();
    bench.put(0, &[3; 32]);
    bench.call("sstore", &[SLOT, SLOT, 32]).unwrap();
    bench.put(0, &[3; 32]);
    assert_eq!(bench.call("sload", &[SLOT, 16, 32]), Ok(32));
    assert_eq!(bench.get(0, 48), [3; 48]);
}

#[test]
fn views_read_and_do_not_write() {
    let mut context = context();
    context.view = true;
    let mut bench = Bench::new(Accounts::new(1), context);
    assert_eq!(bench.call("sload", &[SLOT, OUT, 4]), Ok(-1));
    let (result, used) = bench.metered("sstore", &[SLOT, VALUE, 10]);
    assert!(traps(&result, "view"));
    assert_eq!(used, 5000 + 320, "the view flag is checked after the charges");
    let (result, used) = bench.metered("sdelete", &[SLOT]);
    assert!(traps(&result, "view"));
    assert_eq!(used, 5000);
    assert!(bench.end().0.storage.is_empty());
}

#[test]
fn a_value_that_cannot_be_paid_is_not_copied() {
    let mut bench = Bench::plain();
    bench.put(100, &[7; 50]);
    bench.call("sstore", &[SLOT, VALUE, 50]).unwrap();
    bench.guest.fuel = 100 + 49;
    assert_eq!(bench.call("sload", &[SLOT, OUT, 50]), Err(Exit::OutOfGas));
    assert_eq!(bench.get(40_000, 50), [0; 50]);
    bench.guest.fuel = 5000 + 50 * 32 - 1;
    bench.put(0, &[1; 32]);
    assert_eq!(bench.call("sstore", &[SLOT, VALUE, 50]), Err(Exit::OutOfGas));
    assert_eq!(bench.end().0.storage.len(), 1);
}

#[test]
fn a_fault_of_the_node_is_never_the_contracts() {
    let fault = Fault::new(Code::NodeFault, "disk");
    let mut world = Accounts::new(1);
    world.broken = Some(fault.clone());
    let mut bench = Bench::new(world, context());
    for (name, args) in
        [("sload", &[0, OUT, 4][..]), ("sstore", &[0, VALUE, 4]), ("sdelete", &[0]), ("balance", &[0, OUT]), ("transfer", &[0, VALUE])]
    {
        assert_eq!(bench.call(name, args), Err(Exit::Node(fault.clone())), "{name}");
    }
}
