//! What a Detent contract in Rust needs, and nothing else.
//!
//! A contract is a core WebAssembly module: one export of type `() -> ()` per public function, arguments and results as borsh
//! through host calls. This crate is the thin layer between that and plain Rust functions:
//!
//! ```no_run
//! # mod contract { // the doc test wraps this in a function
//! use detent_sdk::{Address, Map1, OrRevert, context, entries, event};
//!
//! static BALANCES: Map1<Address, u128> = Map1::new("balances");
//!
//! event! {
//!     pub struct Transfer { from: Address [indexed], to: Address [indexed], amount: u128 }
//! }
//!
//! entries! { transfer, balance_of }
//!
//! fn transfer(to: Address, amount: u128) {
//!     let from = context::caller();
//!     let left = BALANCES.get(&from).checked_sub(amount).or_revert("token: balance");
//!     BALANCES.set(&from, &left);
//!     let sum = BALANCES.get(&to).checked_add(amount).or_revert("token: overflow");
//!     BALANCES.set(&to, &sum);
//!     Transfer { from, to, amount }.emit();
//! }
//!
//! fn balance_of(owner: Address) -> u128 {
//!     BALANCES.get(&owner)
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! The crate that holds it is a `cdylib` and begins with `#![no_std]`.
//!
//! The attributes of functions (view, payable ...), the state schema and the events are declared in the project's `otigen.toml`
//! (`docs/manifest.md`); `detent build` compares them with the code and appends them to the module.
//!
//! | you want | it is in |
//! |---|---|
//! | export functions | [`entries!`] |
//! | storage | [`Scalar`], [`Map1`], [`Map2`], [`Map3`] |
//! | caller, value, time | [`context`] |
//! | events | [`event!`] |
//! | end the call | [`revert`], [`require!`], [`OrRevert`] |
//! | call other contracts | [`Call`] |
//! | native balances | [`account`] |
//! | hashes, signatures | [`hash`], [`crypto`] |
//! | own types in arguments and storage | [`record!`], [`unit_enum!`] |
//! | host functions as they are | [`raw`] |

#![no_std]

extern crate alloc;

pub mod abi;
pub mod account;
pub mod blake3;
pub mod call;
pub mod codec;
pub mod context;
pub mod crypto;
pub mod entry;
pub mod event;
pub mod halt;
pub mod hash;
pub mod raw;
mod record;
pub mod storage;
pub mod text;
mod types;

#[cfg(all(target_arch = "wasm32", feature = "runtime"))]
mod runtime;

pub use alloc::{string::String, vec::Vec};
pub use call::{Call, CallError};
pub use codec::{Decode, Encode};
pub use halt::{OrRevert, revert, trap};
pub use storage::{Map1, Map2, Map3, Scalar};
pub use types::{Address, Bytes};
