//! The deterministic form: a module rewritten so that it meters itself, cannot recurse past the logical stack, has one NaN,
//! and grows memory only to a fixed cap. `docs/metering.md` is the specification; this crate knows WebAssembly and no engine.
//!
//! [`rewrite`] is the way in.

mod blocks;
mod callgraph;
mod cells;
mod control;
mod encoding;
mod facts;
mod function;
mod helpers;
mod hidden;
mod host_call;
mod ledger;
mod module;
mod nan;
mod operator;
mod plan;
mod prices;
mod sections;
mod side;
mod stack;
mod survey;

pub use facts::{Export, Facts, FuncType, Import, ValType};
pub use host_call::{METER_MODULE, METER_NAME, host_call_meter};
pub use side::{Place, SideTable};

use borsh::{BorshDeserialize, BorshSerialize};
use detent_protocol::{Fault, Schedule};

/// Prefix of the export names that the form adds; the gate refuses it in modules.
pub const RESERVED: &str = "detent:";

/// Version of the rewriter: part of every artefact key. Raised when the same module and schedule give other bytes.
pub const VERSION: u32 = 1;

/// Which of the two forms to write. Both give the same gas on every input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
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

impl Default for Options {
    /// The side form, metered.
    fn default() -> Options {
        Options { form: Form::Side, metering: true, reenters: Vec::new() }
    }
}

/// A module in deterministic form, with what a host must know to run it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deterministic {
    /// The rewritten binary.
    pub wasm: Vec<u8>,
    /// Which form it is in.
    pub form: Form,
    /// What to settle by code offset in `wasm`; empty in the fine form.
    pub side: SideTable,
    /// Facts about the original.
    pub facts: Facts,
}

/// Rewrites a validated module into its deterministic form.
///
/// The caller has validated `wasm` (the gate, or a test harness). A module that does not parse is a [`Fault`] with code
/// `module_malformed`; a module that validates is never refused for its shape here (the gate does that).
pub fn rewrite(wasm: &[u8], schedule: &Schedule, options: &Options) -> Result<Deterministic, Fault> {
    let module = module::Module::parse(wasm)?;
    let plan = plan::Plan::new(&module, schedule, options)?;
    sections::assemble(&plan)
}
