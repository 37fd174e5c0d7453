//! Ways to end a call before its function returns.

use crate::raw;

/// Ends the frame as a failure with this text: what it changed is undone, the caller sees the text.
pub fn revert(reason: &str) -> ! {
    // SAFETY: pointer and length of a live string.
    unsafe { raw::revert(reason.as_ptr(), reason.len()) }
}

/// Ends the frame as a trap, without a text.
#[cold]
pub fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("trap")
}

/// Ends the frame as a success with these bytes. [`crate::entries!`] does it for the value that a function returns.
pub fn finish(data: &[u8]) -> ! {
    // SAFETY: pointer and length of live bytes.
    unsafe { raw::return_(data.as_ptr(), data.len()) }
}

/// Takes a value out, or reverts with a text.
pub trait OrRevert<T> {
    /// The value, or [`revert`].
    fn or_revert(self, reason: &str) -> T;
}

impl<T> OrRevert<T> for Option<T> {
    fn or_revert(self, reason: &str) -> T {
        match self {
            Some(value) => value,
            None => revert(reason),
        }
    }
}

impl<T, E> OrRevert<T> for Result<T, E> {
    fn or_revert(self, reason: &str) -> T {
        self.ok().or_revert(reason)
    }
}

/// Reverts with a text unless a condition holds.
#[macro_export]
macro_rules! require {
    ($condition:expr, $reason:expr $(,)?) => {
        if !$condition {
            $crate::revert($reason)
        }
    };
}
