//! Admission: which modules may become contracts, said before any compiler sees them.
//!
//! [`check`] reads a module in linear time and reports *every* reason against it, each with a code of the catalogue, a byte offset
//! and a hint; [`admit`] also rewrites it into its deterministic form and checks the result. `docs/gate.md` is the page for
//! authors: what is admitted, the limits and the attack that each answers, compiler flags, and the order of precedence.
//!
//! The way of a module: size, then one pass that counts (`scan`, `body`, against `limit`), validation under exactly the admitted features
//! (`validate`, `features`), then `imports`, `exports`, `segments` and the ABI section ([`abi`]). Rules and their precedence are in `rule`,
//! what comes out is a [`Report`]. Nothing depends on the machine, the time or a hash order.

pub mod abi;

mod admit;
mod body;
mod exports;
mod facts;
mod features;
mod imports;
mod limit;
mod measure;
mod quote;
mod report;
mod rule;
mod scan;
mod section;
mod segments;
mod validate;

pub use admit::{Admitted, admit};
pub use facts::{ExportFact, Facts, Shape};
pub use features::{ADMITTED, REFUSED};
pub use limit::Limit;
pub use report::{PER_RULE, Reason, Report};
pub use rule::Rule;

use abi::ContractAbi;
use detent_protocol::{HostTable, Schedule};
use measure::Measure;
use report::Findings;

/// What a module is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// A contract: it needs an ABI section and an exported memory.
    Contract,
    /// Any module to run or look at. It needs neither, unless it imports host functions: those need the memory.
    Bare,
}

/// Everything that keeps `wasm` from being admitted under the schedule in force.
pub fn check(wasm: &[u8], profile: Profile) -> Report {
    check_with(wasm, profile, Schedule::current())
}

/// The same under another schedule.
pub fn check_with(wasm: &[u8], profile: Profile, schedule: &Schedule) -> Report {
    inspect(wasm, profile, schedule).0
}

/// The report under a schedule, and the ABI section if the module has a readable one.
pub(crate) fn inspect(wasm: &[u8], profile: Profile, schedule: &Schedule) -> (Report, Option<ContractAbi>) {
    let mut findings = Findings::default();
    let mut measure = Measure::new(schedule);
    let size = wasm.len() as u64;
    if let Some(slot) = measure.shape.slot(Limit::ModuleBytes) {
        *slot = size;
    }
    let cap = Limit::ModuleBytes.cap(schedule);
    if size > cap {
        // Alone and first: what is larger is not read.
        findings.add(Rule::ModuleBytes, measure::excess(Limit::ModuleBytes, size, cap), None, None);
        return (findings.report(Facts { shape: measure.shape, ..Facts::default() }), None);
    }

    let mut module = scan::scan(wasm, &mut measure, &mut findings);
    if Limit::ALL.iter().any(|&l| l.guards_validation() && findings.has(Rule::Limit(l))) {
        findings.warnings.push("not validated: bring the module within its limits first".into());
    } else {
        validate::validate(wasm, &mut measure, &mut findings);
    }
    if let (Some(error), false) = (&module.unread, findings.any()) {
        findings.add(Rule::Malformed, error.message().into(), Some(error.offset()), None);
    }
    imports::check(&module, HostTable::current(), &mut findings);
    exports::check(&module, profile == Profile::Contract || !module.imports.is_empty(), &mut findings);
    segments::check(&module, schedule, &mut findings);
    let abi = section::check(&module, profile, &mut findings);
    let facts = Facts { shape: measure.shape, ..std::mem::take(&mut module.facts) };
    (findings.report(facts), abi)
}
