//! Calls of other contracts.

use crate::codec::{Decode, Encode};
use crate::{Address, Vec, raw};
use alloc::vec;

/// Why a call did not give a value. What the callee changed is undone in every case but [`CallError::Garbled`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallError {
    /// The callee reverted with these bytes, or trapped (no bytes). At most 1024 bytes are kept.
    Failed(Vec<u8>),
    /// The callee used up the gas it was given.
    OutOfGas,
    /// The value exceeds this contract's balance.
    InsufficientBalance,
    /// Value for a function that is not payable.
    NotPayable,
    /// The target has no such function.
    NoSuchFunction,
    /// The function is running already and is not reentrant.
    Reentrancy,
    /// A static call of a function that is not a view.
    NotView,
    /// The callee succeeded, but its result is not of the type asked for. Its changes stand: revert to undo them.
    Garbled,
    /// A code that this version does not know.
    Other(i32),
}

/// A call being put together: target, function, and what to send along.
///
/// ```no_run
/// # use detent_sdk::{Address, Call, OrRevert};
/// # let (token, to, amount) = (Address::ZERO, Address::ZERO, 5u128);
/// let paid: bool = Call::new(&token, "transfer").send(&(to, amount)).or_revert("vault: token refused");
/// ```
#[derive(Clone, Copy)]
pub struct Call<'a> {
    target: &'a Address,
    function: &'a str,
    value: u128,
    gas: i64,
}

/// Room for a revert's text. The host tells the true length; more is cut.
const ROOM: usize = 1024;
/// `limits.return_data` of the host table: no result is longer.
const MOST: usize = 16384;

impl<'a> Call<'a> {
    /// A call with all gas and no value.
    pub const fn new(target: &'a Address, function: &'a str) -> Self {
        Self { target, function, value: 0, gas: i64::MAX }
    }

    /// Sends this many quanta along.
    pub const fn value(mut self, value: u128) -> Self {
        self.value = value;
        self
    }

    /// Gives the callee at most this much gas.
    pub const fn gas(mut self, gas: u64) -> Self {
        self.gas = if gas > i64::MAX as u64 { i64::MAX } else { gas as i64 };
        self
    }

    /// Calls: `cross_call`.
    pub fn send<R: Decode>(self, arguments: &impl Encode) -> Result<R, CallError> {
        let (data, value) = (arguments.to_bytes(), self.value.to_le_bytes());
        let (target, name, len) = (self.target.0.as_ptr(), self.function.as_ptr(), self.function.len());
        answer(|ret, ret_len| {
            // SAFETY: every pointer comes with the length of live bytes; the cell holds the buffer's capacity.
            unsafe { raw::cross_call(target, name, len, data.as_ptr(), data.len(), value.as_ptr(), self.gas, ret, ret_len) }
        })
    }

    /// Calls a view without being charged for its work: `cross_call_static`. No value goes along.
    pub fn send_static<R: Decode>(self, arguments: &impl Encode) -> Result<R, CallError> {
        let data = arguments.to_bytes();
        let (target, name, len) = (self.target.0.as_ptr(), self.function.as_ptr(), self.function.len());
        answer(|ret, ret_len| {
            // SAFETY: every pointer comes with the length of live bytes; the cell holds the buffer's capacity.
            unsafe { raw::cross_call_static(target, name, len, data.as_ptr(), data.len(), self.gas, ret, ret_len) }
        })
    }

    /// Runs the target's code on this contract's storage and balance: `delegate_call`. The value is the outer call's.
    pub fn delegate<R: Decode>(self, arguments: &impl Encode) -> Result<R, CallError> {
        let data = arguments.to_bytes();
        let (target, name, len) = (self.target.0.as_ptr(), self.function.as_ptr(), self.function.len());
        answer(|ret, ret_len| {
            // SAFETY: every pointer comes with the length of live bytes; the cell holds the buffer's capacity.
            unsafe { raw::delegate_call(target, name, len, data.as_ptr(), data.len(), self.gas, ret, ret_len) }
        })
    }
}

fn answer<R: Decode>(call: impl FnOnce(*mut u8, *mut u32) -> i32) -> Result<R, CallError> {
    // A result without a heap is not longer than twice its Rust form (tags of options); any other may be as long as the host allows.
    let capacity = if core::mem::needs_drop::<R>() { MOST } else { (2 * core::mem::size_of::<R>()).clamp(ROOM, MOST) };
    let mut data = vec![0; capacity];
    let mut length = capacity as u32;
    let code = call(data.as_mut_ptr(), &mut length);
    let kept = data.get(..(length as usize).min(capacity)).unwrap_or_default();
    match code {
        0 if length as usize <= capacity => R::from_bytes(kept).ok_or(CallError::Garbled),
        0 => Err(CallError::Garbled),
        -3 => Err(CallError::InsufficientBalance),
        -5 => Err(CallError::NotView),
        -9 => Err(CallError::Reentrancy),
        -10 => Err(CallError::Failed(kept.get(..kept.len().min(ROOM)).unwrap_or_default().to_vec())),
        -11 => Err(CallError::OutOfGas),
        -12 => Err(CallError::NotPayable),
        -13 => Err(CallError::NoSuchFunction),
        other => Err(CallError::Other(other)),
    }
}
