//! A bounded cache of committed rows that never changes a result.
//!
//! Each entry says since which version it holds. A reader of version v takes an entry only if it holds since v or
//! earlier; a commit replaces the entries of every row it changes; and a reader adds what it loaded only if no commit
//! has begun since. So an entry found and accepted is what the reader's own view would have answered.

use detent_protocol::Fault;
use foldhash::fast::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, GuardResult};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone)]
struct Entry<V> {
    value: V,
    since: u64,
}

/// Bytes that an entry takes beyond its size: the cache's own links and table.
const OVERHEAD: u64 = 48;

#[derive(Clone)]
struct Heap<V>(fn(&V) -> usize);

impl<K, V> Weighter<K, Entry<V>> for Heap<V> {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        (size_of::<K>() + size_of::<Entry<V>>() + (self.0)(&entry.value)) as u64 + OVERHEAD
    }
}

/// Rows by key, up to a number of bytes.
pub(crate) struct RowCache<K, V> {
    rows: Option<Cache<K, Entry<V>, Heap<V>, RandomState>>,
}

impl<K: Hash + Eq + Clone, V: Clone> RowCache<K, V> {
    /// A cache of about `bytes` bytes (0: none); `heap` gives a value's bytes outside itself.
    pub(crate) fn new(bytes: u64, heap: fn(&V) -> usize) -> RowCache<K, V> {
        let rows = (bytes > 0).then(|| Cache::with(1024, bytes, Heap(heap), RandomState::default(), Default::default()));
        RowCache { rows }
    }

    /// The value of a key at `version`, from the cache or from `load`. `current` is the latest version begun.
    pub(crate) fn get(&self, key: &K, version: u64, current: &AtomicU64, load: impl Fn() -> Result<V, Fault>) -> Result<V, Fault> {
        let Some(rows) = &self.rows else { return load() };
        match rows.get(key) {
            Some(entry) if entry.since <= version => return Ok(entry.value),
            Some(_) => return load(),
            None => {}
        }
        if current.load(Ordering::SeqCst) != version {
            return load();
        }
        match rows.get_value_or_guard(key, None) {
            GuardResult::Value(entry) if entry.since <= version => Ok(entry.value),
            GuardResult::Guard(guard) => {
                let value = load()?;
                // A commit that begins after this line replaces the guard's place, and the insertion is refused.
                if current.load(Ordering::SeqCst) == version {
                    let _ = guard.insert(Entry { value: value.clone(), since: version });
                }
                Ok(value)
            }
            GuardResult::Value(_) | GuardResult::Timeout => load(),
        }
    }

    /// What `version` made of a key.
    pub(crate) fn put(&self, key: K, value: V, version: u64) {
        if let Some(rows) = &self.rows {
            rows.insert(key, Entry { value, since: version });
        }
    }
}
