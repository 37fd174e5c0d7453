//! [`Reader`]: the state as it was at one commit.

use crate::cache::RowCache;
use crate::node::Path;
use crate::store::{Bytes, Row, Store, Table, View};
use crate::tree::{LeafChange, NodeStore, Root, corrupted};
use crate::{Blake3, Commitment, Digest, Key, Proof, StateReader, Value};
use detent_protocol::Fault;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What all readers and the writer of one open store share.
pub(crate) struct Shared {
    pub(crate) store: Box<dyn Store>,
    pub(crate) values: RowCache<Key, Option<Value>>,
    pub(crate) nodes: RowCache<Path, Option<Bytes>>,
    /// The latest version begun. Versions count commits and reverts of this handle; they are not heights.
    pub(crate) version: AtomicU64,
}

/// The committed state at one moment; later commits do not show in it. Cheap to clone, and may go to other threads.
/// A durable store stays open, and locked, as long as one of its readers lives.
#[derive(Clone)]
pub struct Reader {
    // Before the store, so that it is dropped first.
    pub(crate) view: Arc<dyn View>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) version: u64,
    pub(crate) commitment: Commitment,
    pub(crate) height: Option<u64>,
}

impl Reader {
    /// The value of a key.
    pub fn get(&self, key: &Key) -> Result<Option<Value>, Fault> {
        let load = || Ok(self.view.get(Table::State, key.as_bytes())?.map(|bytes| Value::new(&bytes)));
        self.shared.values.get(key, self.version, &self.shared.version, load)
    }

    /// Height of the last commit, `None` before the first.
    pub fn height(&self) -> Option<u64> {
        self.height
    }

    /// Root of the state.
    pub fn root(&self) -> Root {
        self.commitment.root()
    }

    /// The proof that a key has its value, or has none, under [`Reader::root`].
    pub fn prove(&self, key: &Key) -> Result<Proof, Fault> {
        Proof::of(&self.commitment, self, &Blake3::hash(&[key.as_bytes()]))
    }

    /// A table of the store.
    pub fn table(&self, table: Table) -> TableReader<'_> {
        TableReader { view: &*self.view, table }
    }

    /// Up to `limit` live keys and values from `from` on (`None`: from the first), in order of keys.
    pub fn scan(&self, from: Option<&Key>, limit: usize) -> Result<Vec<(Key, Value)>, Fault> {
        let rows = self.view.scan(Table::State, from.map_or(&[][..], |k| k.as_bytes()), limit)?;
        rows.into_iter().map(|(key, value)| Ok((Key::decode(&key)?, Value::new(&value)))).collect()
    }

    /// Recomputes the commitment from every live value and compares root and nodes: O(keys) time and memory.
    /// Fault `store_corrupted` with what differs. Finds damage that no single read would.
    pub fn verify(&self) -> Result<(), Fault> {
        const PAGE: usize = 10_000;
        let (mut leaves, mut from) = (Vec::new(), Vec::new());
        loop {
            let rows = self.view.scan(Table::State, &from, PAGE)?;
            for (key, value) in &rows {
                Key::decode(key)?;
                leaves.push(LeafChange { key_hash: Blake3::hash(&[key]), value_hash: Some(Blake3::hash(&[value])) });
            }
            let Some((last, _)) = rows.last() else { break };
            from = after(last);
        }
        let mut fresh = Commitment::<Blake3>::default();
        let mut expected = fresh.apply(&NoNodes, leaves)?;
        if fresh.root() != self.root() {
            return Err(corrupted("the values do not have the root of the last block"));
        }
        expected.sort_unstable_by_key(|(path, _)| path.encode());
        let (mut nodes, mut from) = (expected.into_iter(), Vec::new());
        loop {
            let rows = self.view.scan(Table::Nodes, &from, PAGE)?;
            for (key, found) in &rows {
                let same = nodes.next().is_some_and(|(path, node)| path.encode() == *key && node.as_ref() == Some(found));
                if !same {
                    return Err(corrupted("a node of the commitment is not what the values give"));
                }
            }
            let Some((last, _)) = rows.last() else { break };
            from = after(last);
        }
        if nodes.next().is_some() { Err(corrupted("a node of the commitment is missing")) } else { Ok(()) }
    }
}

/// The least key after a key.
fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

struct NoNodes;

impl NodeStore for NoNodes {
    fn node(&self, _: &Path) -> Result<Option<Bytes>, Fault> {
        Ok(None)
    }
}

impl StateReader for Reader {
    fn read(&self, key: &Key) -> Result<Option<Value>, Fault> {
        self.get(key)
    }
}

impl NodeStore for Reader {
    fn node(&self, path: &Path) -> Result<Option<Bytes>, Fault> {
        self.shared.nodes.get(path, self.version, &self.shared.version, || self.view.get(Table::Nodes, &path.encode()))
    }
}

/// One table of a [`Reader`].
#[derive(Clone, Copy)]
pub struct TableReader<'a> {
    view: &'a dyn View,
    table: Table,
}

impl TableReader<'_> {
    /// The row of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.view.get(self.table, key)
    }

    /// Up to `limit` rows from a key on, in order of keys.
    pub fn scan(&self, from: &[u8], limit: usize) -> Result<Vec<Row>, Fault> {
        self.view.scan(self.table, from, limit)
    }

    /// The row with the greatest key.
    pub fn last(&self) -> Result<Option<Row>, Fault> {
        self.view.last(self.table)
    }
}
