//! Typed storage: fields by name, as the state schema of the manifest declares them.
//!
//! The host derives the slot from this contract's address, the field's name and the keys, and checks the schema. A field that the
//! schema does not have in this shape reverts: other guest libraries lose such writes silently.

use crate::codec::{Decode, Encode, Reader};
use crate::halt::revert;
use crate::{Bytes, String, Vec, raw};
use core::marker::PhantomData;

/// A value that a field can hold.
pub trait Value: Sized {
    /// Reads it through `source(out, capacity)`, which answers as the host's `sload_*` do.
    fn read(source: impl Fn(*mut u8, usize) -> i32) -> Option<Self>;
    /// Writes it through `sink(bytes, length)`, which answers as the host's `sstore_*` do.
    fn write(&self, sink: impl FnOnce(*const u8, usize) -> i32);
}

/// A value that can be the key of a map: never a `vec` or a record.
pub trait Key {
    /// Lends the key's bytes.
    fn with<R>(&self, f: impl FnOnce(*const u8, usize) -> R) -> R;
}

/// What the implementations of [`Value`] share.
pub mod variable {
    use super::{Vec, revert};
    use alloc::vec;

    #[cold]
    fn refuse(code: i32) -> ! {
        revert(match code {
            -30 => "storage: the contract has no state schema",
            -31 => "storage: the state schema has no such field",
            -32 => "storage: the field has another number of keys",
            -33 => "storage: a key has another width",
            -34 => "storage: the value has another width",
            _ => "storage: unknown code",
        })
    }

    /// For a read of one width: whether there is a value.
    pub fn fixed(answer: i32, width: usize) -> Option<()> {
        match answer {
            -1 => None,
            n if n < 0 => refuse(n),
            n if n as usize == width => Some(()),
            _ => unreadable(),
        }
    }

    /// For a write.
    pub fn done(answer: i32) {
        if answer != 0 {
            refuse(answer);
        }
    }

    /// The stored bytes are not a value of the field's type.
    #[cold]
    pub fn unreadable<T>() -> Option<T> {
        revert("storage: the stored bytes are of another type")
    }

    /// All bytes of a value of any width: a probe for the length, then the read.
    pub fn bytes(source: impl Fn(*mut u8, usize) -> i32) -> Option<Vec<u8>> {
        let length = match source(core::ptr::null_mut(), 0) {
            -1 => return None,
            n if n < 0 => refuse(n),
            n => n as usize,
        };
        let mut bytes = vec![0; length];
        if length > 0 {
            fixed(source(bytes.as_mut_ptr(), length), length)?;
        }
        Some(bytes)
    }
}

impl Value for Bytes {
    fn read(source: impl Fn(*mut u8, usize) -> i32) -> Option<Self> {
        variable::bytes(source).map(Bytes)
    }
    fn write(&self, sink: impl FnOnce(*const u8, usize) -> i32) {
        variable::done(sink(self.0.as_ptr(), self.0.len()));
    }
}

impl Value for String {
    fn read(source: impl Fn(*mut u8, usize) -> i32) -> Option<Self> {
        String::from_utf8(variable::bytes(source)?).ok().or_else(variable::unreadable)
    }
    fn write(&self, sink: impl FnOnce(*const u8, usize) -> i32) {
        variable::done(sink(self.as_ptr(), self.len()));
    }
}

impl<T: Encode + Decode> Value for Vec<T> {
    fn read(source: impl Fn(*mut u8, usize) -> i32) -> Option<Self> {
        Self::from_bytes(&variable::bytes(source)?).or_else(variable::unreadable)
    }
    fn write(&self, sink: impl FnOnce(*const u8, usize) -> i32) {
        let bytes = self.to_bytes();
        variable::done(sink(bytes.as_ptr(), bytes.len()));
    }
}

impl Key for str {
    fn with<R>(&self, f: impl FnOnce(*const u8, usize) -> R) -> R {
        let bytes = self.to_bytes();
        f(bytes.as_ptr(), bytes.len())
    }
}

impl Key for String {
    fn with<R>(&self, f: impl FnOnce(*const u8, usize) -> R) -> R {
        self.as_str().with(f)
    }
}

impl Key for Bytes {
    fn with<R>(&self, f: impl FnOnce(*const u8, usize) -> R) -> R {
        let bytes = self.to_bytes();
        f(bytes.as_ptr(), bytes.len())
    }
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident<$($key:ident $arg:ident),*> $load:ident $store:ident $delete:ident;)*) => {$(
        $(#[doc = $doc])*
        pub struct $name<$($key,)* V> {
            field: &'static str,
            #[allow(clippy::type_complexity)] // says only that the field neither owns nor borrows these
            types: PhantomData<fn() -> (V, $($key,)*)>,
        }

        impl<$($key: Key,)* V: Value> $name<$($key,)* V> {
            /// The field of this name in the state schema.
            pub const fn new(field: &'static str) -> Self {
                Self { field, types: PhantomData }
            }

            /// The value, unless it was never written or was deleted.
            pub fn load(&self $(, $arg: &$key)*) -> Option<V> {
                fields!(@with self [$($arg)*] |name, len $(, $arg)*| {
                    // SAFETY: every pointer comes with the length of the live bytes it points to.
                    V::read(|out, max| unsafe { raw::$load(name, len $(, $arg.0, $arg.1)*, out, max) })
                })
            }

            /// The value, or the type's default.
            pub fn get(&self $(, $arg: &$key)*) -> V
            where
                V: Default,
            {
                self.load($($arg),*).unwrap_or_default()
            }

            /// Writes the value.
            pub fn set(&self $(, $arg: &$key)*, value: &V) {
                fields!(@with self [$($arg)*] |name, len $(, $arg)*| {
                    // SAFETY: every pointer comes with the length of the live bytes it points to.
                    value.write(|bytes, n| unsafe { raw::$store(name, len $(, $arg.0, $arg.1)*, bytes, n) })
                })
            }

            /// Deletes the value.
            pub fn delete(&self $(, $arg: &$key)*) {
                fields!(@with self [$($arg)*] |name, len $(, $arg)*| {
                    // SAFETY: every pointer comes with the length of the live bytes it points to.
                    variable::done(unsafe { raw::$delete(name, len $(, $arg.0, $arg.1)*) })
                })
            }
        }
    )*};
    // Lends the name and then each key, innermost last.
    (@with $this:ident [$($arg:ident)*] |$name:ident, $len:ident $(, $key:ident)*| $body:block) => {{
        let ($name, $len) = ($this.field.as_ptr(), $this.field.len());
        fields!(@lend [$($arg)*] $body)
    }};
    (@lend [] $body:block) => { $body };
    (@lend [$arg:ident $($rest:ident)*] $body:block) => {
        $arg.with(|pointer, length| {
            let $arg = (pointer, length);
            fields!(@lend [$($rest)*] $body)
        })
    };
}

fields! {
    /// A field with one value.
    Scalar<> sload_scalar sstore_scalar sdelete_scalar;
    /// A map with one key.
    Map1<K key> sload_map1 sstore_map1 sdelete_map1;
    /// A map with two keys.
    Map2<K1 key1, K2 key2> sload_map2 sstore_map2 sdelete_map2;
    /// A map with three keys.
    Map3<K1 key1, K2 key2, K3 key3> sload_map3 sstore_map3 sdelete_map3;
}

/// Raw 32-byte slots, for contracts that lay out their storage themselves. Slots are private to the contract.
pub mod slot {
    use super::{Value, raw};

    /// The value of a slot.
    pub fn load<V: Value>(slot: &[u8; 32]) -> Option<V> {
        // SAFETY: the slot is 32 live bytes; `read` gives a live buffer.
        V::read(|out, max| unsafe { raw::sload(slot.as_ptr(), out, max) })
    }

    /// Writes a slot.
    pub fn store<V: Value>(slot: &[u8; 32], value: &V) {
        value.write(|bytes, n| {
            // SAFETY: the slot is 32 live bytes; `write` gives live bytes.
            unsafe { raw::sstore(slot.as_ptr(), bytes, n) };
            0
        });
    }

    /// Deletes a slot.
    pub fn delete(slot: &[u8; 32]) {
        // SAFETY: the slot is 32 live bytes.
        unsafe { raw::sdelete(slot.as_ptr()) }
    }
}

/// Reads a record's stored bytes; used by [`crate::record!`].
#[doc(hidden)]
pub fn read_record<T: Decode>(source: impl Fn(*mut u8, usize) -> i32) -> Option<T> {
    let bytes = variable::bytes(source)?;
    let mut reader = Reader::new(&bytes);
    T::decode(&mut reader).filter(|_| reader.is_empty()).or_else(variable::unreadable)
}

/// Writes a record's bytes; used by [`crate::record!`].
#[doc(hidden)]
pub fn write_record<T: Encode>(value: &T, sink: impl FnOnce(*const u8, usize) -> i32) {
    let bytes = value.to_bytes();
    variable::done(sink(bytes.as_ptr(), bytes.len()));
}
