//! Events: topic 0 is Blake3 of the canonical signature, computed at compile time; indexed fields are the other topics; the rest is data.

use crate::codec::{Encode, Writer};
use crate::{Vec, raw};
use alloc::vec;

/// A field that can be indexed: integers little-endian and then zeros, addresses and hashes as they are.
pub trait Topic {
    /// The topic.
    fn topic(&self) -> [u8; 32];
}

/// An event being put together; used by [`crate::event!`].
#[doc(hidden)]
pub struct Parts {
    topics: [[u8; 32]; 4],
    count: usize,
    data: Vec<u8>,
    written: usize,
}

impl Parts {
    pub fn new(topic0: [u8; 32], data: usize) -> Self {
        Self { topics: [topic0, [0; 32], [0; 32], [0; 32]], count: 1, data: vec![0; data], written: 0 }
    }

    pub fn index(&mut self, field: &impl Topic) {
        // The macro has counted the indexed fields at compile time.
        if let Some(topic) = self.topics.get_mut(self.count) {
            *topic = field.topic();
            self.count += 1;
        }
    }

    pub fn put(&mut self, field: &impl Encode) {
        if let Some(rest) = self.data.get_mut(self.written..) {
            field.encode(&mut Writer(rest));
            self.written += field.size();
        }
    }

    pub fn emit(self) {
        // SAFETY: `count` is at most 4; both pointers come with the lengths of live bytes.
        let answer = unsafe { raw::emit_event(self.topics.as_ptr().cast(), self.count, self.data.as_ptr(), self.data.len()) };
        if answer != 0 {
            crate::revert("event: more than 8192 bytes of data")
        }
    }
}

/// Declares an event as a struct with `emit`.
///
/// ```no_run
/// # use detent_sdk::{Address, event};
/// event! {
///     /// Tokens moved.
///     pub struct Transfer { from: Address [indexed], to: Address [indexed], amount: u128 }
/// }
///
/// # let (from, to, amount) = (Address::ZERO, Address::ZERO, 5);
/// Transfer { from, to, amount }.emit();
/// ```
///
/// `Transfer::SIGNATURE` is `Transfer(address,address,uint128)`, `Transfer::TOPIC` its hash. At most three fields are indexed.
#[macro_export]
macro_rules! event {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($field:ident: $ty:ty $([$mode:ident])?),* $(,)? })+) => {$(
        $(#[$meta])*
        $vis struct $name {
            $(#[allow(missing_docs)] pub $field: $ty,)*
        }

        impl $name {
            /// The canonical signature.
            pub const SIGNATURE: $crate::text::Text = $crate::text::Text::new()
                .push(stringify!($name))
                .push("(")
                $(.item(&<$ty as $crate::abi::AbiType>::EVENT))*
                .push(")");
            /// Topic 0.
            pub const TOPIC: [u8; 32] = $crate::blake3::blake3(Self::SIGNATURE.as_bytes());

            /// Records the event; a frame that fails drops it.
            pub fn emit(&self) {
                const { assert!(4 > 0 $($(+ $crate::event!(@one $mode))?)*, "at most three fields are indexed") };
                let mut parts = $crate::event::Parts::new(
                    const { Self::TOPIC },
                    0 $(+ $crate::event!(@size self.$field $(, $mode)?))*,
                );
                $($crate::event!(@put parts, self.$field $(, $mode)?);)*
                parts.emit();
            }
        }
    )+};
    (@one indexed) => { 1 };
    (@size $value:expr, indexed) => { 0 };
    (@size $value:expr) => { $crate::Encode::size(&$value) };
    (@put $parts:ident, $value:expr, indexed) => { $parts.index(&$value) };
    (@put $parts:ident, $value:expr) => { $parts.put(&$value) };
}
