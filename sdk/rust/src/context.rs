//! What a frame knows of its call, transaction and block.

use crate::{Address, raw};

macro_rules! filled {
    ($($(#[doc = $doc:literal])* $name:ident -> $ty:ty = $host:ident, $width:literal, $make:expr;)*) => {$(
        $(#[doc = $doc])*
        pub fn $name() -> $ty {
            let mut out = [0u8; $width];
            // SAFETY: the buffer has the width that the host writes.
            let _ = unsafe { raw::$host(out.as_mut_ptr()) };
            $make(out)
        }
    )*};
}

filled! {
    /// Who called this function: an account, or the contract that made the call.
    caller -> Address = caller, 32, Address;
    /// Who signed the transaction.
    origin -> Address = origin, 32, Address;
    /// This contract; inside a delegate call the contract that delegated.
    self_address -> Address = self_address, 32, Address;
    /// Value that came with the call, in quanta.
    value -> u128 = tx_value, 16, u128::from_le_bytes;
    /// Hash of the transaction.
    tx_hash -> [u8; 32] = tx_hash, 32, core::convert::identity;
    /// The block's public random value. The same for every transaction of the block.
    beacon -> [u8; 32] = beacon_get, 32, core::convert::identity;
}

/// Block height.
pub fn wave_id() -> u64 {
    // SAFETY: no arguments.
    unsafe { raw::wave_id() as u64 }
}

/// Block time in seconds.
pub fn wave_timestamp() -> u64 {
    // SAFETY: no arguments.
    unsafe { raw::wave_timestamp() as u64 }
}

/// Chain id.
pub fn chain_id() -> u64 {
    // SAFETY: no arguments.
    unsafe { raw::chain_id() as u64 }
}

/// Gas left in this frame.
pub fn gas_left() -> u64 {
    // SAFETY: no arguments.
    unsafe { raw::tx_gas_remaining() as u64 }
}

/// Burns gas.
pub fn consume_gas(amount: u64) {
    // SAFETY: no pointers.
    unsafe { raw::consume_gas(amount.min(i64::MAX as u64) as i64) }
}
