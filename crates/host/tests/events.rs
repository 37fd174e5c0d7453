//! Events: one to four topics and bounded data, recorded for the frame's own account.

mod common;

use common::call::{Bench, SELF, context, traps};
use common::world::Accounts;
use detent_engine::Exit;
use detent_host::FrameContext;

#[test]
fn an_event_is_recorded_as_given_and_priced_by_topics_and_bytes() {
    let mut bench = Bench::plain();
    bench.put(0, &[1; 32]);
    bench.put(32, &[2; 32]);
    bench.put(200, b"data");
    assert_eq!(bench.metered("emit_event", &[0, 2, 200, 4]), (Ok(0), 100 + 2 * 50 + 4 * 8));
    assert_eq!(bench.metered("emit_event", &[32, 1, -1, 0]), (Ok(0), 150));
    assert_eq!(bench.metered("emit_event", &[0, 4, 200, 8192]), (Ok(0), 100 + 200 + 8192 * 8));
    let (world, ..) = bench.end();
    assert_eq!(world.events[0], (SELF, vec![[1; 32], [2; 32]], b"data".to_vec()));
    assert_eq!(world.events[1], (SELF, vec![[2; 32]], vec![]));
    assert_eq!((world.events[2].1.len(), world.events[2].2.len(), world.events.len()), (4, 8192, 3));
}

#[test]
fn bad_counts_and_sizes_are_a_code_and_negative_lengths_a_trap() {
    let mut bench = Bench::plain();
    for (count, length) in [(0, 0), (5, 0), (-1, 0), (i64::from(i32::MIN), 0), (1, 8193), (0x0800_0001, 0), (1, 0x7fff_ffff)] {
        assert_eq!(bench.metered("emit_event", &[-1, count, -1, length]), (Ok(-1), 100), "{count} topics, {length} bytes");
    }
    assert!(traps(&bench.call("emit_event", &[0, 9, 0, -1]), "data_len is -1"));
    assert!(traps(&bench.call("emit_event", &[65536 - 31, 1, 0, 0]), "32 bytes at 65505"));
    assert!(traps(&bench.call("emit_event", &[0, 1, 65536, 1]), "1 bytes at 65536"));
    assert!(bench.end().0.events.is_empty());
}

#[test]
fn views_and_unpaid_events_leave_nothing() {
    let mut bench = Bench::new(Accounts::new(1), FrameContext { view: true, ..context() });
    let (result, used) = bench.metered("emit_event", &[0, 1, 0, 2]);
    assert!(traps(&result, "view"));
    assert_eq!(used, 166);
    assert_eq!(bench.call("emit_event", &[0, 0, 0, 0]), Ok(-1), "the count is checked before the flag");
    let mut bench = Bench::plain();
    bench.guest.fuel = 165;
    assert_eq!(bench.call("emit_event", &[0, 1, 0, 2]), Err(Exit::OutOfGas));
    assert!(bench.end().0.events.is_empty());
}
