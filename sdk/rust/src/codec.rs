//! Borsh, as much of it as the ABI uses, exact in length.
//!
//! Own small traits rather than the `borsh` crate: a guest answers bad bytes with a trap, so error values and their texts would be
//! dead weight in every contract. The crate is the oracle in `tests/`.

use crate::halt::trap;
use alloc::{string::String, vec, vec::Vec};

/// A value that has a borsh encoding.
pub trait Encode {
    /// Length of the encoding in bytes.
    fn size(&self) -> usize;
    /// Writes it.
    fn encode(&self, out: &mut Writer<'_>);

    /// The encoding.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size()];
        self.encode(&mut Writer(&mut bytes));
        bytes
    }
}

/// A value that can be read from its borsh encoding.
pub trait Decode: Sized {
    /// Reads it from the front; `None` when the bytes do not fit.
    fn decode(from: &mut Reader<'_>) -> Option<Self>;

    /// Reads it from exactly these bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let value = Self::decode(&mut reader)?;
        reader.0.is_empty().then_some(value)
    }
}

/// Bytes still to be written.
pub struct Writer<'a>(pub(crate) &'a mut [u8]);

impl Writer<'_> {
    /// Writes `bytes`. Traps when [`Encode::size`] promised too little.
    pub fn put(&mut self, bytes: &[u8]) {
        let Some((head, tail)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) else { trap() };
        head.copy_from_slice(bytes);
        self.0 = tail;
    }

    /// Writes a count or length.
    pub fn put_len(&mut self, len: usize) {
        self.put(&(len as u32).to_le_bytes());
    }
}

/// Bytes still to be read.
pub struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from these.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    /// A count or length.
    pub fn len(&mut self) -> Option<usize> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Encode for str {
    fn size(&self) -> usize {
        4 + self.len()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        out.put_len(self.len());
        out.put(self.as_bytes());
    }
}

impl Encode for String {
    fn size(&self) -> usize {
        self.as_str().size()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        self.as_str().encode(out);
    }
}

impl Decode for String {
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.len()?;
        core::str::from_utf8(from.bytes(len)?).ok().map(String::from)
    }
}

impl<T: Encode> Encode for [T] {
    fn size(&self) -> usize {
        4 + self.iter().map(T::size).sum::<usize>()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        out.put_len(self.len());
        self.iter().for_each(|item| item.encode(out));
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn size(&self) -> usize {
        self.as_slice().size()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        self.as_slice().encode(out);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.len()?;
        // A count is a claim: room is made only for what the bytes can hold.
        let mut items = Vec::with_capacity(count.min(from.0.len()));
        for _ in 0..count {
            items.push(T::decode(from)?);
        }
        Some(items)
    }
}

impl<T: Encode> Encode for Option<T> {
    fn size(&self) -> usize {
        1 + self.as_ref().map_or(0, T::size)
    }
    fn encode(&self, out: &mut Writer<'_>) {
        out.put(&[u8::from(self.is_some())]);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        match from.array::<1>()? {
            [0] => Some(None),
            [1] => T::decode(from).map(Some),
            _ => None,
        }
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn size(&self) -> usize {
        (**self).size()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        (**self).encode(out);
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn size(&self) -> usize {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                0 $(+ $name.size())*
            }
            fn encode(&self, _out: &mut Writer<'_>) {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                $($name.encode(_out);)*
            }
        }
        impl<$($name: Decode),*> Decode for ($($name,)*) {
            fn decode(_from: &mut Reader<'_>) -> Option<Self> {
                Some(($($name::decode(_from)?,)*))
            }
        }
    )*};
}

tuples! {
    ()
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E G) (A B C D E G H) (A B C D E G H I)
    (A B C D E G H I J) (A B C D E G H I J K) (A B C D E G H I J K L) (A B C D E G H I J K L M)
}
