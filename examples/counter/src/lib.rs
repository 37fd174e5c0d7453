//! The smallest contract: one number.

#![no_std]

use detent_sdk::{OrRevert, Scalar, entries};

static COUNTER: Scalar<u64> = Scalar::new("counter");

entries! { increment, get }

fn increment() -> u64 {
    let next = COUNTER.get().checked_add(1).or_revert("counter: overflow");
    COUNTER.set(&next);
    next
}

fn get() -> u64 {
    COUNTER.get()
}
