//! `return` and `revert` end the frame with their bytes.

mod common;

use common::call::{Bench, traps};
use detent_engine::Exit;
use detent_host::Outcome;

#[test]
fn the_bytes_given_are_the_bytes_kept() {
    type Wrap = fn(Vec<u8>) -> Outcome;
    for (name, outcome) in [("return", Outcome::Return as Wrap), ("revert", Outcome::Revert as Wrap)] {
        for (pointer, length) in [(10, 3), (-1, 0), (0, 16384)] {
            let mut bench = Bench::plain();
            bench.put(10, b"abc");
            assert_eq!(bench.metered(name, &[pointer, length]), (Err(Exit::Stop), 0), "{name}: free");
            let expected = if length == 0 { vec![] } else { bench.get(pointer as usize, length as usize).to_vec() };
            assert_eq!(bench.end().2, outcome(expected));
        }
        let mut bench = Bench::plain();
        assert!(traps(&bench.call(name, &[0, 16385]), "len is 16385"));
        assert!(traps(&bench.call(name, &[0, -1]), "len is -1"));
        assert!(traps(&bench.call(name, &[65536, 1]), "1 bytes at 65536"));
        assert_eq!(bench.end().2, Outcome::None, "a call that trapped handed nothing over");
    }
}
