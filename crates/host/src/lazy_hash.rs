//! A transaction's hash, computed when somebody asks for it: Poseidon2 over a transaction costs more than running a small contract, and an
//! unsigned transaction's hash is often never looked at before its block is sealed, where all cores share the work.

use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A 32-byte hash that is computed once, at its first use. Compares, prints and encodes as the bytes.
#[derive(Clone)]
pub struct LazyHash(Arc<Inner>);

struct Inner {
    value: OnceLock<[u8; 32]>,
    compute: Box<dyn Fn() -> [u8; 32] + Send + Sync>,
}

impl LazyHash {
    /// The hash that `compute` gives.
    pub fn new(compute: impl Fn() -> [u8; 32] + Send + Sync + 'static) -> LazyHash {
        LazyHash(Arc::new(Inner { value: OnceLock::new(), compute: Box::new(compute) }))
    }
}

impl From<[u8; 32]> for LazyHash {
    fn from(value: [u8; 32]) -> LazyHash {
        LazyHash(Arc::new(Inner { value: OnceLock::from(value), compute: Box::new(move || value) }))
    }
}

impl Deref for LazyHash {
    type Target = [u8; 32];

    fn deref(&self) -> &[u8; 32] {
        self.0.value.get_or_init(|| (self.0.compute)())
    }
}

impl PartialEq for LazyHash {
    fn eq(&self, other: &LazyHash) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl Eq for LazyHash {}

impl fmt::Debug for LazyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl BorshSerialize for LazyHash {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        (**self).serialize(writer)
    }
}

impl BorshDeserialize for LazyHash {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<LazyHash> {
        <[u8; 32]>::deserialize_reader(reader).map(LazyHash::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn it_is_computed_once_and_only_when_asked_for() {
        static COMPUTED: AtomicU32 = AtomicU32::new(0);
        let hash = LazyHash::new(|| {
            COMPUTED.fetch_add(1, Ordering::SeqCst);
            [7; 32]
        });
        let copy = hash.clone();
        assert_eq!(COMPUTED.load(Ordering::SeqCst), 0);
        assert_eq!(*hash, [7; 32]);
        assert_eq!(borsh::to_vec(&copy).expect("memory"), [7; 32]);
        assert_eq!(COMPUTED.load(Ordering::SeqCst), 1);
        assert_eq!(hash, LazyHash::from([7; 32]));
        assert_ne!(hash, LazyHash::from([8; 32]));
    }
}
