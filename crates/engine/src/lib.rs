//! The only room that knows engines: compiling a deterministic form, instances and their recycling, and how a run ended.
//!
//! An [`Engine`] compiles a [`Deterministic`] module into an [`Artefact`]; [`Artefact::run`] executes one frame with a [`Host`]
//! that answers its imports. Every engine gives the same [`Ended`] for the same inputs.
//!
//! [`Engines`] finds an engine by name, [`Cache`] keeps artefacts. Behind the traits, one concept a file:
//! `frame` (the order of `docs/metering.md` sections 4 and 7, the same for every engine), `native` (Cranelift and later its relatives, with
//! memories that know which pages were written and instances kept for the next call), `interpreter` (wasmi), `stack` (calls run on a
//! stack of our own), `guard` (CPU time), `fork`, `signals`, `cache` and `disk`.

mod cache;
mod disk;
mod engines;
mod fork;
mod frame;
mod guard;
mod interpreter;
mod native;
pub mod probe;
mod settings;
mod signals;
mod stack;

pub use cache::{Cache, Key};
pub use engines::Engines;
pub use guard::overdue;
pub use interpreter::Wasmi;
pub use native::{Cranelift, Meter, MeterBench};
pub use settings::{Cpu, Settings};
pub use signals::{signals_check, signals_intact, signals_reinstall};

use detent_gas::Deterministic;
use detent_protocol::Fault;
use std::sync::Arc;

/// What a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Fuel, below 2^63.
    pub fuel: u64,
    /// Logical stack, bytes; negative after a nested call's constant means stack overflow.
    pub rest: i32,
    /// Pages that the transaction may still use, this frame's initial ones included.
    pub pages: u32,
}

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Name of an exported function.
    pub entry: &'a str,
    /// Its arguments as raw bits (i32 and f32 in the low half).
    pub args: &'a [u64],
    /// What it may use.
    pub budget: Budget,
    /// Take the instance charge (a frame of a chain does; measuring a bare function does not).
    pub instance_charge: bool,
    /// Run `_initialize` before the entry when it is exported as `() -> ()`.
    pub initialize: bool,
}

/// The traps of WebAssembly, and the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the specification's names
pub enum Trap {
    Unreachable,
    MemoryOutOfBounds,
    TableOutOfBounds,
    IndirectCallToNull,
    BadSignature,
    IntegerOverflow,
    IntegerDivisionByZero,
    BadConversionToInteger,
    /// A host function ended the frame; the detail is in [`Ended::detail`].
    Host,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The entry returned; its results as raw bits.
    Returned(Vec<u64>),
    /// A host function ended the frame as success or failure (`return`, `revert`); the host kept the data.
    Stopped,
    /// A trap.
    Trapped(Trap),
    /// Fuel used up.
    OutOfGas,
    /// Logical stack used up.
    StackOverflow,
    /// The transaction's pages used up by this frame's initial memory.
    OutOfMemory,
}

/// An activation that was live when a run ended by a trap, innermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Function index in the original module, if it is one of the original's functions.
    pub function: Option<u32>,
    /// Code offset in the rewritten module, when the engine reports it.
    pub offset: Option<u32>,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Fuel used (`docs/metering.md` section 3).
    pub used: u64,
    /// Live activations at a trap, innermost first. For people only: engines may differ in what they know.
    pub frames: Vec<Frame>,
    /// Words of the host function that trapped.
    pub detail: Option<String>,
}

/// What a host function sees of the instance that called it.
pub trait Instance {
    /// The linear memory (empty without one). To be written by the calling thread's own stores: the first write to a page is a fault that
    /// the engine answers on that thread, which a system call or another thread would not survive.
    fn memory(&mut self) -> &mut [u8];
    /// Fuel left in this frame.
    fn fuel(&mut self) -> u64;
    /// Takes fuel; `Err(Exit::OutOfGas)` when there is less.
    fn charge(&mut self, fuel: u64) -> Result<(), Exit>;
    /// Logical stack left below the caller (meaningful in functions marked `nested` or `reenters`).
    fn rest(&mut self) -> i32;
    /// Pages that the transaction may still use, beyond the live memories.
    fn pages(&mut self) -> u32;
}

/// How a host function leaves other than by returning a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Ends the frame (`return`, `revert`); the host has kept the data.
    Stop,
    /// Ends the frame as a trap, with words for people.
    Trap(String),
    /// Ends the frame as out of gas.
    OutOfGas,
    /// The node cannot go on: nothing may be decided.
    Node(Fault),
}

/// What a host function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The result's raw bits (ignored for functions without a result).
    Value(u64),
    /// Enter an export of the calling instance, then ask [`Host::resume`].
    CallBack {
        /// Export name.
        entry: String,
        /// Arguments as raw bits.
        args: Vec<u64>,
    },
}

/// Answers a module's imports.
pub trait Host: Send {
    /// A call of import number `import` (in the order of `Facts::imports`) with raw arguments.
    fn call(&mut self, import: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit>;

    /// A callback ended: [`End::Returned`], or a trap or overflow of the inner entry (refunds already made). Nobody is asked when the
    /// inner entry ended the frame: by `Exit::Stop`, or out of gas, for the gas is the outer one's too.
    fn resume(&mut self, ended: End, instance: &mut dyn Instance) -> Result<Reply, Exit> {
        let _ = (ended, instance);
        Err(Exit::Trap("this host makes no callbacks".into()))
    }

    /// For the owner to get its own type back.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// A compiler and runner of deterministic forms.
pub trait Engine: Send + Sync {
    /// `cranelift`, `wasmi` ...
    fn name(&self) -> &'static str;
    /// The form it runs.
    fn form(&self) -> detent_gas::Form;
    /// Hash of everything besides the module that native code depends on: engine version, flags, CPU features.
    fn fingerprint(&self) -> [u8; 32];
    /// Compiles.
    fn compile(&self, module: Arc<Deterministic>) -> Result<Arc<dyn Artefact>, Fault>;
    /// Restores what [`Artefact::native`] gave. The caller has authenticated the bytes.
    fn restore(&self, module: Arc<Deterministic>, native: &[u8]) -> Result<Arc<dyn Artefact>, Fault>;
}

/// A compiled module, ready to run from any thread.
pub trait Artefact: Send + Sync {
    /// The module it was compiled from.
    fn module(&self) -> &Arc<Deterministic>;
    /// Bytes it holds, for the cache's bound.
    fn size(&self) -> usize;
    /// Native code for the persistent cache, if the engine has any.
    fn native(&self) -> Option<Vec<u8>>;
    /// Runs one frame on a fresh (or provably restored) instance. The host comes back in any case; a [`Fault`] is the node's, never the guest's.
    fn run(&self, host: Box<dyn Host>, call: &Call<'_>) -> (Box<dyn Host>, Result<Ended, Fault>);
}
