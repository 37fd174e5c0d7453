//! Native balances.

use crate::{Address, raw};

/// An account's balance in quanta, 0 for an unknown address.
pub fn balance(address: &Address) -> u128 {
    let mut out = [0; 16];
    // SAFETY: 32 live bytes in, 16 out.
    unsafe { raw::balance(address.0.as_ptr(), out.as_mut_ptr()) };
    u128::from_le_bytes(out)
}

/// Moves quanta from this contract. `false`: it has less. The recipient's code does not run.
#[must_use]
pub fn transfer(to: &Address, amount: u128) -> bool {
    // SAFETY: 32 and 16 live bytes.
    unsafe { raw::transfer(to.0.as_ptr(), amount.to_le_bytes().as_ptr()) == 0 }
}
