//! Types of the ABI that Rust does not have, and the fixed-width ones' encodings.

use crate::abi::AbiType;
use crate::codec::{Decode, Encode, Reader, Writer};
use crate::event::Topic;
use crate::storage::{Key, Value, variable};
use crate::text::Text;
use alloc::vec::Vec;

/// A 32-byte account address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct Address(pub [u8; 32]);

impl Address {
    /// 32 zero bytes.
    pub const ZERO: Address = Address([0; 32]);
}

/// A byte string: `bytes` of the ABI. `Vec<u8>` is `vec(uint8)`, which encodes alike in calldata but not in storage.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bytes(pub Vec<u8>);

impl Encode for Bytes {
    fn size(&self) -> usize {
        4 + self.0.len()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        out.put_len(self.0.len());
        out.put(&self.0);
    }
}

impl Decode for Bytes {
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.len()?;
        from.bytes(len).map(|bytes| Bytes(bytes.to_vec()))
    }
}

/// A type of one width: bytes in, bytes out. Everything else follows.
macro_rules! fixed {
    ($($ty:ty, $width:literal, $rust:expr, $event:literal, $get:expr, $set:expr;)*) => {$(
        impl Encode for $ty {
            fn size(&self) -> usize {
                $width
            }
            fn encode(&self, out: &mut Writer<'_>) {
                let bytes: [u8; $width] = $get(self);
                out.put(&bytes);
            }
        }
        impl Decode for $ty {
            fn decode(from: &mut Reader<'_>) -> Option<Self> {
                from.array::<$width>().and_then($set)
            }
        }
        impl Key for $ty {
            fn with<R>(&self, f: impl FnOnce(*const u8, usize) -> R) -> R {
                let bytes: [u8; $width] = $get(self);
                f(bytes.as_ptr(), $width)
            }
        }
        impl Value for $ty {
            fn read(source: impl Fn(*mut u8, usize) -> i32) -> Option<Self> {
                let mut bytes = [0; $width];
                variable::fixed(source(bytes.as_mut_ptr(), $width), $width)?;
                $set(bytes).or_else(|| variable::unreadable())
            }
            fn write(&self, sink: impl FnOnce(*const u8, usize) -> i32) {
                let bytes: [u8; $width] = $get(self);
                variable::done(sink(bytes.as_ptr(), $width));
            }
        }
        impl Topic for $ty {
            fn topic(&self) -> [u8; 32] {
                let bytes: [u8; $width] = $get(self);
                let mut topic = [0; 32];
                topic[..$width].copy_from_slice(&bytes);
                topic
            }
        }
        impl AbiType for $ty {
            const RUST: Text = Text::new().push($rust);
            const EVENT: Text = Text::new().push($event);
        }
    )*};
}

macro_rules! integers {
    ($($ty:ident, $width:literal, $event:literal;)*) => {
        fixed! { $($ty, $width, stringify!($ty), $event, |v: &$ty| v.to_le_bytes(), |b| Some($ty::from_le_bytes(b));)* }
    };
}

integers! {
    u8, 1, "uint8"; u16, 2, "uint16"; u32, 4, "uint32"; u64, 8, "uint64"; u128, 16, "uint128";
    i8, 1, "int8"; i16, 2, "int16"; i32, 4, "int32"; i64, 8, "int64"; i128, 16, "int128";
}

fn boolean([byte]: [u8; 1]) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fixed! {
    bool, 1, "bool", "bool", |v: &bool| [u8::from(*v)], boolean;
    Address, 32, "Address", "address", |v: &Address| v.0, |b| Some(Address(b));
    [u8; 32], 32, "[u8;32]", "bytes32", |v: &[u8; 32]| *v, Some;
}
