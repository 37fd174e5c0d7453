//! A whole execution layer: accounts, transactions, fees, receipts, blocks, calls between contracts, behind one [`Chain`].
//!
//! A transaction's way: bytes → [`Transaction`] → [`Checked`] (hash and signature, on all cores) → admitted, or refused with a code
//! and without a trace → executed in the open block's world → [`Receipt`] → the block is sealed: roots, one durable write.
//! `docs/chain.md` has the rules.
//!
//! | question | file |
//! |---|---|
//! | what is in an account? which nonces are open? | `account.rs`, `nonce.rs` |
//! | which address has a key, a contract, the treasury? which names may contracts have? | `address.rs` |
//! | what are a transaction's bytes, hash and signature? what is in its data? | `transaction.rs`, `payload.rs` |
//! | why was my transaction not in the block? | `admission.rs` |
//! | what happens to one that is? | `execute.rs`, `perform.rs`, `deploy.rs` |
//! | which function does a call run, and may it? what happens on a trap in a sub-call? | `dispatch.rs`, `call.rs` |
//! | how does a frame get its state and give it back? | `world.rs`, `frame.rs`, `code.rs` |
//! | what is in a receipt? how is it written? | `outcome.rs`, `receipt.rs` |
//! | what are the events root and the bloom? | `events.rs`, `merkle.rs` |
//! | what does it cost? who gets the fees? | `fees.rs` |
//! | what is a block? how is one sealed and stored? | `block.rs`, `open.rs`, `tables.rs` |
//! | what does a chain start from? | `genesis.rs` |
//! | what can a chain be asked? | `queries.rs` |
//! | batches, imported blocks, replays, views | `batch.rs`, `replay.rs`, `view.rs` |
//! | how fast? | [`bench`] |

pub mod account;
pub mod address;
mod admission;
mod batch;
pub mod bench;
pub mod block;
mod call;
mod chain;
mod code;
mod deploy;
mod dispatch;
pub mod events;
mod execute;
pub mod fees;
mod frame;
pub mod genesis;
pub mod merkle;
pub mod nonce;
mod open;
pub mod outcome;
pub mod payload;
mod perform;
mod queries;
pub mod receipt;
mod replay;
mod rules;
pub mod sandbox;
mod tables;
pub mod transaction;
mod view;
mod world;

pub use account::Account;
pub use admission::{Checked, Failure};
pub use batch::Batch;
pub use block::{Block, Header};
pub use chain::{Chain, Options, engine};
pub use code::Loader;
pub use detent_host::{Address, Slot};
pub use events::Event;
pub use execute::Executed;
pub use genesis::Genesis;
pub use open::{BlockInputs, Sealed};
pub use outcome::{Halt, Outcome};
pub use perform::Notes;
pub use receipt::Receipt;
pub use replay::{Replay, ReplayedBlock};
pub use rules::{Rules, Totals};
pub use transaction::{Transaction, TxKind};
pub use view::{View, ViewRequest};
