//! The protocol's data, each table from its one file under `python/detent/protocol/`:
//! the gas [`Schedule`], the [`HostTable`] of host functions, and the catalogue of [`Code`]s.
//!
//! The Python specification reads the same files; nothing here knows WebAssembly or a chain.

mod fault;
mod host;
mod schedule;

pub use fault::{CODES, Code, ENTRIES, Entry, Fault};
pub use host::{HostFunction, HostLimits, HostTable, ValueType};
pub use schedule::{Dynamic, Function, Gate, Instance, Limits, Operators, Rewritten, Schedule, Stack};
