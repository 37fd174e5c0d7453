//! [`Value`]: the bytes behind a key, without an allocation when short.

use smallvec::SmallVec;
use std::fmt;

/// A committed value. Up to [`Value::INLINE`] bytes live in place: token balances and account words never allocate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Value(SmallVec<[u8; Value::INLINE]>);

impl Value {
    /// Bytes that need no allocation.
    pub const INLINE: usize = 40;

    /// Copies bytes.
    pub fn new(bytes: &[u8]) -> Value {
        Value(SmallVec::from_slice(bytes))
    }

    /// Bytes on the heap (0 when inline).
    pub fn heap(&self) -> usize {
        if self.0.spilled() { self.0.capacity() } else { 0 }
    }
}

impl std::ops::Deref for Value {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::new(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Value {
        Value::new(&bytes)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        if bytes.len() <= Value::INLINE { Value::new(&bytes) } else { Value(SmallVec::from_vec(bytes)) }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x")?;
        self.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_do_not_allocate() {
        assert_eq!(Value::new(&[7; Value::INLINE]).heap(), 0);
        assert_eq!(Value::from(vec![7; 32]).heap(), 0);
        assert!(Value::new(&[7; Value::INLINE + 1]).heap() > Value::INLINE);
        assert_eq!(size_of::<Value>(), 48);
    }

    #[test]
    fn equality_ignores_where_the_bytes_live() {
        let mut grown = Value::from(vec![1; 100]);
        grown.0.truncate(3);
        assert_eq!(grown, Value::new(&[1; 3]));
    }
}
