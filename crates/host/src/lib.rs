//! The host ABI, one file a family: decodes arguments, charges, checks, and asks a [`World`] for state.
//!
//! Types, prices and limits come from `detent_protocol::HostTable`; nothing here knows blocks, stores or engines' insides.
//! An [`ImportTable`] resolves a module's imports once; a [`HostFrame`] answers them while one frame runs; the chain implements
//! [`World`]. `docs/host-abi.md` has the table and the rules.
//!
//! | question | file |
//! |---|---|
//! | which imports exist, with which type and price? | `imports.rs` over `host.toml` |
//! | how does a call reach its function, and how does a frame end? | `frame.rs`, `halt.rs` |
//! | how are pointers, lengths and cells checked? | `memory.rs` |
//! | what is charged, and when? | `charge.rs` |
//! | what does `sload` do? `sload_map1`? where is its slot? | `storage.rs`, `typed_storage.rs`, `slots.rs` |
//! | `balance`, `caller`, `emit_event`, `hash_keccak256`, `falcon_verify`, `cross_call`? | `account.rs`, `context.rs`, `events.rs`, `hash.rs`, `crypto.rs`, `calls.rs` |
//! | Poseidon2 and Falcon-512 themselves? | [`poseidon2`], [`falcon`] |

mod account;
mod calls;
mod charge;
pub mod codes;
mod context;
mod crypto;
mod events;
pub mod falcon;
mod frame;
mod goldilocks;
mod halt;
mod hash;
mod imports;
mod lazy_hash;
mod memory;
pub mod poseidon2;
mod poseidon2_constants;
mod slots;
mod storage;
mod typed_storage;
mod world;

pub use frame::{HostFrame, Outcome};
pub use imports::{Function, ImportTable};
pub use lazy_hash::LazyHash;
pub use slots::slot;
pub use world::{Address, CallKind, Env, FrameContext, Moved, NestedCall, NestedEnded, Slot, World};
