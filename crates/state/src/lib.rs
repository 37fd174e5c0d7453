//! The state of a chain: what it is, how it is changed, and how it is kept.
//!
//! - [`Key`] and [`Value`]: the committed state is a map from keys to bytes.
//! - [`Overlay`]: uncommitted writes over a [`StateReader`], with nested checkpoints. A block is one overlay.
//! - [`Commitment`] and [`Proof`]: the root of the live set (Jellyfish rules over Blake3), and proofs under it.
//! - [`Store`]: named tables with consistent views and atomic batches; in [`Memory`], or durable on [`Disk`].
//! - [`State`]: all of these behind one door. A block's changes, nodes, receipts and header become one durable write.
//!
//! ```
//! use detent_state::{Batch, Key, Overlay, State, Table};
//!
//! let mut state = State::memory();
//! let mut block = Overlay::new(&state);
//! let key = Key::storage(&[1; 32], &[2; 32]);
//! let transaction = block.checkpoint();
//! block.set(&key, b"hello")?;
//! block.commit(transaction);
//!
//! let prepared = state.prepare(block.drain_sorted())?;
//! let mut rows = Batch::new();
//! rows.put(Table::Blocks, 0u64.to_be_bytes(), prepared.root());
//! let root = state.commit_prepared(0, prepared, rows)?;
//! state.prove(&key)?.verify(&root, key.as_bytes(), Some(b"hello"))?;
//! # Ok::<(), detent_protocol::Fault>(())
//! ```
//!
//! `docs/state.md` has the formats, the choice of the durable store, and figures.

mod cache;
mod digest;
mod disk;
mod folder;
mod key;
mod memory;
mod node;
mod overlay;
mod proof;
mod reader;
mod state;
mod store;
mod tree;
mod undo;
mod value;
mod workers;

pub use digest::{Blake3, Digest};
pub use disk::Disk;
pub use key::{Key, Space};
pub use memory::Memory;
pub use node::{Child, EMPTY, Hash, Leaf, Node, Path, inner_hash};
pub use overlay::{Change, Mark, Overlay, ReadLog, StateReader};
pub use proof::Proof;
pub use reader::{Reader, TableReader};
pub use state::{Options, Prepared, State};
pub use store::{Batch, Bytes, Row, Store, Table, View, Write};
pub use tree::{Commitment, EMPTY_ROOT, LeafChange, NodeStore, NodeWrite, Root};
pub use undo::SnapshotId;
pub use value::Value;
pub use workers::{in_pool, map, workers};
