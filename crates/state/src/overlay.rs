//! [`Overlay`]: uncommitted writes over a reader, with nested undo.
//!
//! One overlay serves a whole block: a transaction is a [`checkpoint`](Overlay::checkpoint), a nested call a checkpoint
//! inside it. Taking one back costs what it changed; keeping one costs nothing. Values read from the base stay in the
//! overlay, so the base is asked once per key.

use crate::{Key, Reader, State, Value};
use detent_protocol::Fault;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A change to the committed state: the new value, or `None` for a deletion.
pub type Change = (Key, Option<Value>);

/// What an overlay reads through to: committed state, or another layer. Must not change while the overlay lives.
pub trait StateReader {
    /// The value of a key; `None` when never written or deleted. The fault is the node's, never a contract's.
    fn read(&self, key: &Key) -> Result<Option<Value>, Fault>;
}

impl<R: StateReader + ?Sized> StateReader for &R {
    fn read(&self, key: &Key) -> Result<Option<Value>, Fault> {
        (**self).read(key)
    }
}

impl<R: StateReader + ?Sized> StateReader for std::sync::Arc<R> {
    fn read(&self, key: &Key) -> Result<Option<Value>, Fault> {
        (**self).read(key)
    }
}

/// Told of each key whose base value an execution depended on: its read set. `()` records nothing and costs nothing.
pub trait ReadLog {
    /// The base was asked for `key` (once per key and overlay) and had `value`.
    fn read(&mut self, key: &Key, value: Option<&[u8]>);
}

impl ReadLog for () {
    #[inline(always)]
    fn read(&mut self, _: &Key, _: Option<&[u8]>) {}
}

/// An open checkpoint. Give it to [`Overlay::revert`] or [`Overlay::commit`]; closing an outer one closes the inner ones too.
#[derive(Debug)]
#[must_use = "a checkpoint is closed by revert or commit"]
pub struct Mark {
    depth: u32,
    scope: u32,
}

/// What the overlay knows of a key.
#[derive(Clone, Debug)]
enum Held {
    /// Not read from the base yet.
    Unknown,
    Absent,
    Present(Value),
}

/// Two cache lines, and never three: getting a cold key costs one miss.
#[repr(align(128))]
struct Entry {
    key: Key,
    /// Differs from the base by a write.
    written: bool,
    /// The scope that last saved this entry in the journal. Not older than the open scope: the journal since that scope's
    /// start has it already (its own record, or that of an inner scope that was kept), and a write saves nothing.
    scope: u32,
    held: Held,
}

/// An entry as it was before a scope changed it.
struct Saved {
    index: u32,
    scope: u32,
    written: bool,
    held: Held,
}

struct Scope {
    id: u32,
    journal: usize,
}

/// A place in the hash table: the entry's index and its hash, so that growing the table never touches entries.
#[derive(Clone, Copy)]
struct Place {
    index: u32,
    hash: u32,
}

impl Place {
    /// hashbrown takes its tag from the top bits and its bucket from the low bits.
    #[inline]
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

/// Once scope numbers run out, every write is journalled: slower, never wrong.
const LAST_SCOPE: u32 = u32::MAX;

/// Writes over a base, with nested checkpoints.
pub struct Overlay<R = Reader, L = ()> {
    base: R,
    log: L,
    hasher: foldhash::fast::RandomState,
    table: HashTable<Place>,
    entries: Vec<Entry>,
    journal: Vec<Saved>,
    scopes: Vec<Scope>,
    next_scope: u32,
}

impl Overlay<Reader> {
    /// An empty overlay over the last committed state.
    pub fn new(state: &State) -> Overlay<Reader> {
        Overlay::over(state.reader())
    }
}

impl<R: StateReader> Overlay<R> {
    /// An empty overlay over any reader.
    pub fn over(base: R) -> Overlay<R> {
        Overlay::logged(base, ())
    }
}

impl<R: StateReader, L: ReadLog> Overlay<R, L> {
    /// An empty overlay that tells `log` its read set.
    pub fn logged(base: R, log: L) -> Overlay<R, L> {
        Overlay {
            base,
            log,
            // Slots are chosen by strangers: the hash is keyed afresh. Its order never leaves: drains are sorted.
            hasher: foldhash::fast::RandomState::default(),
            table: HashTable::new(),
            entries: Vec::new(),
            journal: Vec::new(),
            scopes: Vec::new(),
            next_scope: 1,
        }
    }

    /// The base.
    pub fn base(&self) -> &R {
        &self.base
    }

    /// The read log.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// Keys held, read or written.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing read or written yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    fn hash(&self, key: &Key) -> u32 {
        let hash = self.hasher.hash_one(key);
        (hash ^ (hash >> 32)) as u32
    }

    #[inline]
    fn find(&self, key: &Key, hash: u32) -> Option<usize> {
        let same = |place: &Place| place.hash == hash && self.entries.get(place.index as usize).is_some_and(|e| e.key == *key);
        self.table.find(Place::spread(hash), same).map(|place| place.index as usize)
    }

    fn insert(&mut self, key: &Key, hash: u32, held: Held) -> Result<usize, Fault> {
        let index = self.entries.len();
        let place = Place { index: u32::try_from(index).map_err(|_| too_many())?, hash };
        self.entries.push(Entry { key: *key, written: false, scope: 0, held });
        self.table.insert_unique(Place::spread(hash), place, |p| Place::spread(p.hash));
        Ok(index)
    }

    /// Asks the base.
    #[cold]
    fn load(&mut self, key: &Key) -> Result<Held, Fault> {
        let value = self.base.read(key)?;
        self.log.read(key, value.as_deref());
        Ok(value.map_or(Held::Absent, Held::Present))
    }

    /// The value of a key as written, else as the base has it. The fault is the base's.
    #[inline]
    pub fn get(&mut self, key: &Key) -> Result<Option<&[u8]>, Fault> {
        let hash = self.hash(key);
        let index = match self.find(key, hash) {
            Some(index) => index,
            None => {
                let held = self.load(key)?;
                self.insert(key, hash, held)?
            }
        };
        if matches!(self.entries.get(index), Some(Entry { held: Held::Unknown, .. })) {
            let held = self.load(key)?;
            if let Some(entry) = self.entries.get_mut(index) {
                entry.held = held;
            }
        }
        Ok(match self.entries.get(index) {
            Some(Entry { held: Held::Present(value), .. }) => Some(value),
            _ => None,
        })
    }

    /// Writes a value. Does not read the base.
    #[inline]
    pub fn set(&mut self, key: &Key, value: &[u8]) -> Result<(), Fault> {
        self.write(key, Held::Present(Value::new(value)))
    }

    /// Deletes a key; one that is absent already stays so. Does not read the base.
    #[inline]
    pub fn delete(&mut self, key: &Key) -> Result<(), Fault> {
        self.write(key, Held::Absent)
    }

    #[inline]
    fn write(&mut self, key: &Key, held: Held) -> Result<(), Fault> {
        let hash = self.hash(key);
        let index = match self.find(key, hash) {
            Some(index) => index,
            None => self.insert(key, hash, Held::Unknown)?,
        };
        let Some(entry) = self.entries.get_mut(index) else { return Err(too_many()) };
        let before = std::mem::replace(&mut entry.held, held);
        if let Some(scope) = self.scopes.last()
            && (entry.scope < scope.id || scope.id == LAST_SCOPE)
        {
            self.journal.push(Saved { index: index as u32, scope: entry.scope, written: entry.written, held: before });
            entry.scope = scope.id;
        }
        entry.written = true;
        Ok(())
    }

    /// Opens a nested undo unit.
    pub fn checkpoint(&mut self) -> Mark {
        let id = self.next_scope;
        self.next_scope = id.saturating_add(1);
        self.scopes.push(Scope { id, journal: self.journal.len() });
        Mark { depth: self.scopes.len() as u32, scope: id }
    }

    /// Takes back all writes since the checkpoint, inner ones included: O(changes). Nothing if it is closed already.
    pub fn revert(&mut self, mark: Mark) {
        let Some(start) = self.close(&mark) else { return };
        while self.journal.len() > start {
            let Some(saved) = self.journal.pop() else { break };
            if let Some(entry) = self.entries.get_mut(saved.index as usize) {
                entry.held = saved.held;
                entry.scope = saved.scope;
                entry.written = saved.written;
            }
        }
    }

    /// Keeps all writes since the checkpoint as the enclosing one's. Nothing if it is closed already.
    pub fn commit(&mut self, mark: Mark) {
        if self.close(&mark).is_some() && self.scopes.is_empty() {
            self.journal.clear();
        }
    }

    /// Closes the scope and those inside it; gives where its journal starts.
    fn close(&mut self, mark: &Mark) -> Option<usize> {
        let position = (mark.depth as usize).checked_sub(1)?;
        let scope = self.scopes.get(position).filter(|s| s.id == mark.scope)?;
        let start = scope.journal;
        self.scopes.truncate(position);
        Some(start)
    }

    /// The net changes, sorted by key, each key once; the overlay is empty afterwards and its checkpoints are closed.
    pub fn drain_sorted(&mut self) -> Vec<Change> {
        let written = self.entries.drain(..).filter(|e| e.written).map(|entry| match entry.held {
            Held::Present(value) => (entry.key, Some(value)),
            Held::Absent | Held::Unknown => (entry.key, None),
        });
        let mut changes: Vec<Change> = written.collect();
        changes.sort_unstable_by_key(|(key, _)| *key);
        self.table.clear();
        self.journal.clear();
        self.scopes.clear();
        changes
    }

    /// Drops everything read and written, keeps the memory, and reads from another base: the next block.
    pub fn rebase(&mut self, base: R) {
        self.entries.clear();
        self.table.clear();
        self.journal.clear();
        self.scopes.clear();
        self.next_scope = 1;
        self.base = base;
    }
}

#[cold]
fn too_many() -> Fault {
    Fault::new(detent_protocol::Code::StoreFull, "an overlay holds at most 2^32 keys")
}
