//! The deterministic form: a module rewritten so that it meters itself, cannot recurse past the logical stack, has one NaN,
//! and grows memory only to a fixed cap. `docs/metering.md` is the specification; this crate knows WebAssembly and no engine.
//!
//! [`rewrite`] is the way in.

use detent_protocol::{Fault, Schedule};

/// Prefix of the export names that the form adds; the gate refuses it in modules.
pub const RESERVED: &str = "detent:";

/// Which of the two forms to write. Both give the same gas on every input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// For engines that report code offsets of traps: refunds come from the side table.
    Side,
    /// For engines that report none: the module keeps `detent:owed`.
    Fine,
}

/// How to rewrite.
#[derive(Clone, Debug)]
pub struct Options {
    /// Side table or fine form.
    pub form: Form,
    /// False leaves the charges out (for measuring what metering costs; never on a chain).
    pub metering: bool,
    /// Imports that may enter exports of this instance, besides those of the host table (tests, linked groups), as (module, name).
    pub reenters: Vec<(String, String)>,
}

/// A module in deterministic form, with what a host must know to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deterministic {
    /// The rewritten binary.
    pub wasm: Vec<u8>,
    /// Which form it is in.
    pub form: Form,
    /// Refunds by code offset in `wasm`; empty in the fine form.
    pub side: SideTable,
    /// Facts about the original.
    pub facts: Facts,
}

/// Refunds in fuel by code offset, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideTable {
    entries: Vec<(u32, u32)>,
}

impl SideTable {
    /// What an activation standing at `offset` (from the first byte of the rewritten module) gets back.
    pub fn refund(&self, offset: u32) -> u64 {
        self.entries.binary_search_by_key(&offset, |e| e.0).map_or(0, |i| u64::from(self.entries[i].1))
    }
}

/// What the host needs of the original module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The instance charge of `docs/metering.md` section 4, in fuel.
    pub instance_charge: u64,
    /// Initial pages of the memory (0 without one).
    pub initial_pages: u32,
    /// The export name of the memory in the rewritten module, if there is one.
    pub memory: Option<String>,
    /// Imports in order.
    pub imports: Vec<Import>,
    /// Exported functions by name, with their types.
    pub exports: Vec<Export>,
    /// Whether the module had a start function (now exported as `detent:start`).
    pub start: bool,
    /// How many `detent:g<i>` exports there are (mutable globals of the original).
    pub mutable_globals: u32,
    /// For each function index of the **rewritten** module, the original index if it is one of the original's functions.
    pub origin: Vec<Option<u32>>,
}

/// A function that the module imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Import module.
    pub module: String,
    /// Import name.
    pub name: String,
    /// Its type.
    pub ty: FuncType,
}

/// A function that the module exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Export name.
    pub name: String,
    /// Its type.
    pub ty: FuncType,
}

/// A value type of function signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the WebAssembly names
pub enum ValType {
    I32,
    I64,
    F32,
    F64,
}

/// A function type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Parameters.
    pub params: Vec<ValType>,
    /// Results.
    pub results: Vec<ValType>,
}

/// Rewrites a validated module into its deterministic form.
///
/// The caller has validated `wasm` (the gate, or a test harness). A module that does not parse is a [`Fault`] with code
/// `module_malformed`; a module that validates is never refused for its shape here (the gate does that).
pub fn rewrite(wasm: &[u8], schedule: &Schedule, options: &Options) -> Result<Deterministic, Fault> {
    let _ = (wasm, schedule, options);
    Err(Fault::new(detent_protocol::Code::ModuleMalformed, "being written"))
}
