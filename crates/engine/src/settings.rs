//! How engines are made.

use detent_protocol::Schedule;

/// Which instructions the native engine may use. The deterministic form guarantees that results cannot differ; artefacts are keyed by the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cpu {
    /// Whatever this machine has.
    #[default]
    Host,
    /// Only what every machine of the architecture has.
    Baseline,
}

/// How engines are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Instructions.
    pub cpu: Cpu,
    /// Keep instances for the next call of the same artefact. Off, every call makes a new one (tests compare the two).
    pub recycle: bool,
    /// Priced nanoseconds of CPU time for each unit of fuel; the guard sits at 50 times this.
    pub ns_per_fuel: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { cpu: Cpu::Host, recycle: true, ns_per_fuel: 1 }
    }
}

/// Activations that can be live in one instance: each takes a frame's constant of the logical stack, or is one of at most three wrappers
/// and helpers of a host entry, of which each beyond the first takes a nested call's constant.
pub(crate) fn max_frames() -> usize {
    let (stack, limits) = (&Schedule::current().stack, &Schedule::current().limits);
    let bytes = limits.stack_bytes as usize;
    bytes / stack.frame.max(1) as usize + 3 * (bytes / stack.nested_call.max(1) as usize) + 16
}
