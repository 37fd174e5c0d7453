//! [`State`]: store, caches and commitment behind one door.

use crate::cache::RowCache;
use crate::node::Path;
use crate::overlay::Change;
use crate::reader::{Reader, Shared, TableReader};
use crate::store::{Batch, Bytes, Store, Table};
use crate::tree::{LeafChange, NodeWrite, Root};
use crate::undo::{SnapshotId, UndoLog, invert};
use crate::workers::{in_pool, map};
use crate::{Blake3, Commitment, Digest, Disk, Key, Memory, Proof, Value};
use detent_protocol::{Code, Fault};
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The row of [`Table::Head`].
const HEAD: &[u8] = b"head";

/// How a state is opened. No setting changes a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory for hot values, in bytes; 0 switches the cache off.
    pub value_cache: u64,
    /// Memory for hot nodes of the commitment, in bytes; 0 switches the cache off.
    pub node_cache: u64,
    /// Memory for the durable store's own cache, in bytes.
    pub store_cache: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { value_cache: 256 << 20, node_cache: 128 << 20, store_cache: 64 << 20 }
    }
}

/// The committed state of a chain. One writer; any number of [`Reader`]s.
pub struct State {
    reader: Reader,
    undo: UndoLog,
    /// Why writing has ended: a write failed, so what the disk holds is known only after opening again.
    failed: Option<Fault>,
    process: u32,
}

impl State {
    /// A new state that ends with the process.
    pub fn memory() -> State {
        let options = Options::default();
        let shared = Shared {
            store: Box::new(Memory::new()),
            values: RowCache::new(options.value_cache, value_heap),
            nodes: RowCache::new(options.node_cache, node_heap),
            version: AtomicU64::new(0),
        };
        // An empty memory store has nothing that could fail.
        let view: Arc<dyn crate::View> = Arc::new(crate::memory::Tables::default());
        State::at(Reader { shared: Arc::new(shared), view, version: 0, commitment: Commitment::default(), height: None })
    }

    /// Opens the durable state in a folder, making it if the folder is absent or empty. Faults: as [`Disk::open`].
    pub fn open(path: impl AsRef<std::path::Path>, options: Options) -> Result<State, Fault> {
        State::over(Box::new(Disk::open(path.as_ref(), options.store_cache)?), options)
    }

    /// Opens a state over any store.
    pub fn over(store: Box<dyn Store>, options: Options) -> Result<State, Fault> {
        let view = store.view()?;
        let (height, commitment) = read_head(view.get(Table::Head, HEAD)?.as_deref())?;
        let shared = Shared {
            store,
            values: RowCache::new(options.value_cache, value_heap),
            nodes: RowCache::new(options.node_cache, node_heap),
            version: AtomicU64::new(0),
        };
        Ok(State::at(Reader { shared: Arc::new(shared), view, version: 0, commitment, height }))
    }

    fn at(reader: Reader) -> State {
        State { reader, undo: UndoLog::default(), failed: None, process: std::process::id() }
    }

    /// What is committed now, for use while later blocks are committed.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The last committed value of a key.
    pub fn get(&self, key: &Key) -> Result<Option<Value>, Fault> {
        self.reader.get(key)
    }

    /// Root of the state.
    pub fn root(&self) -> Root {
        self.reader.root()
    }

    /// Height of the last commit, `None` before the first.
    pub fn height(&self) -> Option<u64> {
        self.reader.height()
    }

    /// The proof that a key has its value, or has none, under [`State::root`].
    pub fn prove(&self, key: &Key) -> Result<Proof, Fault> {
        self.reader.prove(key)
    }

    /// A table as committed.
    pub fn table(&self, table: Table) -> TableReader<'_> {
        self.reader.table(table)
    }

    /// Commits a block: its changes, the nodes they move, its height, and rows of other tables, in one atomic durable
    /// write. Changes may come in any order; of several to one key the last counts.
    ///
    /// Faults: `commit_order` unless heights rise; `table_reserved` if `extra` names a table of the state's own;
    /// `store_forked`; the store's own, after which this handle refuses to write (`store_failed`).
    pub fn commit(&mut self, height: u64, changes: Vec<Change>, extra: Batch) -> Result<Root, Fault> {
        let prepared = self.prepare(changes)?;
        self.commit_prepared(height, prepared, extra)
    }

    /// The costly half of [`State::commit`]: hashes the changes and updates the commitment, writing nothing. The root is
    /// known then, so that a block's header can hold it; give the result to [`State::commit_prepared`].
    pub fn prepare(&self, mut changes: Vec<Change>) -> Result<Prepared, Fault> {
        if !changes.is_sorted_by(|a, b| a.0 < b.0) {
            changes.reverse();
            changes.sort_by_key(|(key, _)| *key);
            changes.dedup_by(|a, b| a.0 == b.0);
        }
        self.owned()?;
        let mut commitment = self.reader.commitment.clone();
        let nodes = commitment.apply(&self.reader, leaf_changes(&changes))?;
        Ok(Prepared { version: self.reader.version, changes, commitment, nodes })
    }

    /// The durable half of [`State::commit`]. Fault `commit_order` also if something was committed since the preparation.
    pub fn commit_prepared(&mut self, height: u64, prepared: Prepared, extra: Batch) -> Result<Root, Fault> {
        self.writable()?;
        if self.height().is_some_and(|last| height <= last) {
            return Err(Fault::new(Code::CommitOrder, format!("block {height} cannot follow block {:?}", self.height())));
        }
        if prepared.version != self.reader.version {
            return Err(Fault::new(Code::CommitOrder, "the changes were prepared on another state"));
        }
        if let Some(write) = extra.writes().iter().find(|w| w.table.reserved()) {
            return Err(Fault::new(Code::TableReserved, format!("table {} is written by the state itself", write.table.name())));
        }
        let Prepared { changes, commitment, nodes, .. } = prepared;
        let mut batch = Batch::new();
        for (key, value) in &changes {
            match value {
                Some(value) => batch.put(Table::State, key.as_bytes(), &value[..]),
                None => batch.delete(Table::State, key.as_bytes()),
            }
        }
        for (path, node) in &nodes {
            match node {
                Some(node) => batch.put(Table::Nodes, path.encode(), node.clone()),
                None => batch.delete(Table::Nodes, path.encode()),
            }
        }
        batch.put(Table::Head, HEAD, [&height.to_le_bytes()[..], &commitment.encode()].concat());
        batch.append(extra);
        batch.normalise();
        let inverse = if self.undo.live() { Some(invert(&batch, &*self.reader.view)?) } else { None };
        self.write(&batch)?;
        inverse.into_iter().for_each(|inverse| self.undo.record(inverse));
        let version = self.reader.version + 1;
        for (key, value) in changes {
            self.reader.shared.values.put(key, value, version);
        }
        for (path, node) in nodes {
            self.reader.shared.nodes.put(path, node, version);
        }
        self.advance(Some(height), commitment)?;
        Ok(self.root())
    }

    /// Marks this moment: O(1). While a snapshot lives, commits record what they replace, in memory.
    pub fn snapshot(&mut self) -> SnapshotId {
        self.undo.snapshot()
    }

    /// Takes back every commit since the snapshot, all tables included, in one atomic durable write: O(changes since).
    /// The snapshot stays; later ones are gone. Fault `snapshot_unknown`, or as [`State::commit`].
    pub fn revert_to(&mut self, id: SnapshotId) -> Result<(), Fault> {
        let plan = self.undo.plan(id)?;
        if let Some(batch) = plan {
            self.writable()?;
            let (height, commitment) = match batch.writes().iter().find(|w| w.table == Table::Head) {
                Some(head) => read_head(head.value.as_deref())?,
                None => return Err(Fault::new(Code::StoreCorrupted, "an undo record lacks the head")),
            };
            self.write(&batch)?;
            let version = self.reader.version + 1;
            for write in batch.writes() {
                match write.table {
                    Table::State => {
                        self.reader.shared.values.put(Key::decode(&write.key)?, write.value.as_deref().map(Value::new), version)
                    }
                    Table::Nodes => self.reader.shared.nodes.put(Path::decode(&write.key)?, write.value.clone(), version),
                    _ => {}
                }
            }
            self.advance(height, commitment)?;
        }
        self.undo.reverted(id);
        Ok(())
    }

    /// Forgets a snapshot and what only it needed.
    pub fn release(&mut self, id: SnapshotId) -> Result<(), Fault> {
        self.undo.release(id)
    }

    fn writable(&self) -> Result<(), Fault> {
        if let Some(fault) = &self.failed {
            return Err(Fault::new(Code::StoreFailed, format!("an earlier write failed: {}", fault.detail)));
        }
        self.owned()
    }

    fn owned(&self) -> Result<(), Fault> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(Fault::new(Code::StoreForked, "the state was opened by the parent process"))
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Fault> {
        // First, so that no reader adds to the caches what this write replaces.
        self.reader.shared.version.store(self.reader.version + 1, Ordering::SeqCst);
        self.reader.shared.store.commit(batch).inspect_err(|fault| self.failed = Some(fault.clone()))
    }

    /// Reads from what was just written.
    fn advance(&mut self, height: Option<u64>, commitment: Commitment) -> Result<(), Fault> {
        let view = self.reader.shared.store.view().inspect_err(|fault| self.failed = Some(fault.clone()))?;
        let (shared, version) = (self.reader.shared.clone(), self.reader.version + 1);
        self.reader = Reader { shared, view, version, commitment, height };
        Ok(())
    }
}

/// Changes with their root, not yet written.
#[derive(Debug)]
pub struct Prepared {
    version: u64,
    changes: Vec<Change>,
    commitment: Commitment,
    nodes: Vec<NodeWrite>,
}

impl Prepared {
    /// The root of the state with the changes.
    pub fn root(&self) -> Root {
        self.commitment.root()
    }
}

fn read_head(row: Option<&[u8]>) -> Result<(Option<u64>, Commitment), Fault> {
    let Some(row) = row else { return Ok((None, Commitment::default())) };
    let (height, commitment) = row.split_first_chunk::<8>().ok_or_else(|| Fault::new(Code::StoreCorrupted, "the head row is too short"))?;
    Ok((Some(u64::from_le_bytes(*height)), Commitment::decode(commitment)?))
}

/// Hashes of keys and values, in parallel inside a pool: the greater part of a commitment's work after the nodes.
fn leaf_changes(changes: &[Change]) -> Vec<LeafChange> {
    let leaf = |(key, value): &Change| LeafChange {
        key_hash: Blake3::hash(&[key.as_bytes()]),
        value_hash: value.as_ref().map(|value| Blake3::hash(&[value])),
    };
    let mut leaves: Vec<LeafChange> = map(changes, leaf);
    if in_pool() {
        leaves.par_sort_unstable_by_key(|l| l.key_hash);
    } else {
        leaves.sort_unstable_by_key(|l| l.key_hash);
    }
    leaves
}

fn value_heap(value: &Option<Value>) -> usize {
    value.as_ref().map_or(0, Value::heap)
}

fn node_heap(node: &Option<Bytes>) -> usize {
    node.as_ref().map_or(0, |bytes| bytes.len() + 16)
}
