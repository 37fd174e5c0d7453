//! [`Commitment`]: the root of a live set, updated in batches.
//!
//! The rules are Jellyfish's (key and value hashed, a subtree of one leaf is that leaf), so the root depends only on which
//! keys have which values, never on how they came there. Nodes are stored sixteen children at a time under their path,
//! without versions: an update replaces rows, and history lives in blocks.

use crate::node::{Child, Hash, Leaf, Node, Path, lone, nibble};
use crate::{Blake3, Digest, EMPTY};
use detent_protocol::{Code, Fault};
use rayon::prelude::*;
use std::marker::PhantomData;
use std::sync::Arc;

/// The root of the commitment.
pub type Root = Hash;

/// Where nodes come from.
pub trait NodeStore: Sync {
    /// The encoded node at a path.
    fn node(&self, path: &Path) -> Result<Option<Arc<[u8]>>, Fault>;
}

/// A change to the tree: hash of the key, and hash of its new value or `None` for a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafChange {
    /// Hash of the key.
    pub key_hash: Hash,
    /// Hash of the value, `None` to delete.
    pub value_hash: Option<Hash>,
}

/// A row of the node table: the new node, or `None` to delete it.
pub type NodeWrite = (Path, Option<Arc<[u8]>>);

/// Below this many changes a subtree is updated in one thread.
const PARALLEL: usize = 512;

/// A commitment over nodes stored elsewhere.
#[derive(Clone, Debug)]
pub struct Commitment<D = Blake3> {
    top: Child,
    digest: PhantomData<D>,
}

impl<D: Digest> Default for Commitment<D> {
    fn default() -> Self {
        Commitment { top: Child::Empty, digest: PhantomData }
    }
}

impl<D: Digest> Commitment<D> {
    /// Continues from what [`Commitment::encode`] wrote. Fault `store_corrupted` for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Commitment<D>, Fault> {
        let top = match (bytes.split_first_chunk::<32>(), bytes) {
            (None, []) => Child::Empty,
            (Some((hash, [])), _) => Child::Inner(*hash),
            (Some((key_hash, rest)), _) => {
                let value_hash = rest.try_into().map_err(|_| corrupted("the head of the commitment does not decode"))?;
                Child::Leaf(Leaf { key_hash: *key_hash, value_hash })
            }
            _ => return Err(corrupted("the head of the commitment does not decode")),
        };
        Ok(Commitment { top, digest: PhantomData })
    }

    /// What must be kept besides the nodes: nothing, a hash, or the only leaf.
    pub fn encode(&self) -> Vec<u8> {
        match self.top {
            Child::Empty => Vec::new(),
            Child::Inner(hash) => hash.to_vec(),
            Child::Leaf(leaf) => [leaf.key_hash, leaf.value_hash].concat(),
        }
    }

    /// The root; [`EMPTY`] for no keys.
    pub fn root(&self) -> Root {
        self.top.hash::<D>()
    }

    pub(crate) fn top(&self) -> &Child {
        &self.top
    }

    /// Applies changes and gives the rows to write; `self` is then the new commitment, so write them or drop it.
    /// Any order; of several changes to one key the last counts. Fault: the store's, or `store_corrupted`.
    pub fn apply(&mut self, nodes: &impl NodeStore, mut changes: Vec<LeafChange>) -> Result<Vec<NodeWrite>, Fault> {
        if !changes.is_sorted_by(|a, b| a.key_hash < b.key_hash) {
            changes.sort_by_key(|c| c.key_hash);
            changes.reverse();
            changes.dedup_by_key(|c| c.key_hash);
            changes.reverse();
        }
        let mut update = Update::<D, _> { nodes, writes: Vec::new(), digest: PhantomData };
        self.top = update.subtree(Path::default(), self.top, &changes)?;
        Ok(update.writes)
    }
}

/// The empty tree's root.
pub const EMPTY_ROOT: Root = EMPTY;

pub(crate) fn corrupted(what: &str) -> Fault {
    Fault::new(Code::StoreCorrupted, what)
}

struct Update<'a, D, S> {
    nodes: &'a S,
    writes: Vec<NodeWrite>,
    digest: PhantomData<D>,
}

impl<D: Digest, S: NodeStore> Update<'_, D, S> {
    /// The subtree at a path after the changes below it (sorted, each key once).
    fn subtree(&mut self, path: Path, before: Child, changes: &[LeafChange]) -> Result<Child, Fault> {
        match before {
            _ if changes.is_empty() => Ok(before),
            Child::Empty => self.build(path, &changes.iter().filter_map(leaf).collect::<Vec<_>>()),
            Child::Leaf(old) => {
                let mut leaves: Vec<Leaf> = changes.iter().filter_map(leaf).collect();
                if let Err(at) = changes.binary_search_by_key(&old.key_hash, |c| c.key_hash) {
                    let at = changes.get(..at).unwrap_or_default().iter().filter_map(leaf).count();
                    leaves.insert(at, old);
                }
                self.build(path, &leaves)
            }
            Child::Inner(_) => {
                let row = self.nodes.node(&path)?.ok_or_else(|| corrupted("a node of the commitment is missing"))?;
                let mut after = Node::decode(&row)?;
                if !self.descend(path, &mut after, changes)? {
                    return Ok(before);
                }
                match lone(&after.children) {
                    Some(child) => {
                        self.writes.push((path, None));
                        Ok(child)
                    }
                    None => {
                        self.writes.push((path, Some(after.encode().into())));
                        Ok(Child::Inner(after.hash::<D>()))
                    }
                }
            }
        }
    }

    /// Updates the children that have changes below them, in parallel when there are many. Tells whether any is another now.
    fn descend(&mut self, path: Path, node: &mut Node, changes: &[LeafChange]) -> Result<bool, Fault> {
        let groups = split(changes, path.len(), |c| &c.key_hash);
        if changes.len() < PARALLEL || !crate::in_pool() {
            let mut changed = false;
            for (i, (child, group)) in node.children.iter_mut().zip(groups).enumerate() {
                let after = self.subtree(path.child(i as u8), *child, group)?;
                changed |= after != *child;
                *child = after;
            }
            return Ok(changed);
        }
        let nodes = self.nodes;
        let work = node.children.par_iter_mut().zip(groups).enumerate().map(|(i, (child, group))| {
            let mut update = Update::<D, S> { nodes, writes: Vec::new(), digest: PhantomData };
            let after = update.subtree(path.child(i as u8), *child, group)?;
            let changed = after != *child;
            *child = after;
            Ok((changed, update.writes))
        });
        // In order of the children, whichever thread was first; of several faults the first child's.
        let mut any = false;
        for done in work.collect::<Vec<Result<(bool, Vec<NodeWrite>), Fault>>>() {
            let (changed, writes) = done?;
            any |= changed;
            self.writes.extend(writes);
        }
        Ok(any)
    }

    /// A new subtree over sorted leaves.
    fn build(&mut self, path: Path, leaves: &[Leaf]) -> Result<Child, Fault> {
        match leaves {
            [] => Ok(Child::Empty),
            [leaf] => Ok(Child::Leaf(*leaf)),
            _ if path.len() >= 64 => Err(corrupted("two leaves of the commitment have one key")),
            _ => {
                let mut node = Node::default();
                for (i, (child, group)) in node.children.iter_mut().zip(split(leaves, path.len(), |l| &l.key_hash)).enumerate() {
                    *child = self.build(path.child(i as u8), group)?;
                }
                self.writes.push((path, Some(node.encode().into())));
                Ok(Child::Inner(node.hash::<D>()))
            }
        }
    }
}

fn leaf(change: &LeafChange) -> Option<Leaf> {
    change.value_hash.map(|value_hash| Leaf { key_hash: change.key_hash, value_hash })
}

/// Cuts what is sorted by hash into sixteen runs by the nibble at a depth.
fn split<T>(sorted: &[T], depth: usize, hash: impl Fn(&T) -> &Hash) -> [&[T]; 16] {
    let mut rest = sorted;
    std::array::from_fn(|i| {
        let (run, tail) = rest.split_at(rest.partition_point(|item| usize::from(nibble(hash(item), depth)) <= i));
        rest = tail;
        run
    })
}
