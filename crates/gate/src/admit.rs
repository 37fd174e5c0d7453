//! From a module's bytes to its deterministic form, or to every reason why not.

use crate::abi::ContractAbi;
use crate::report::{Findings, Report};
use crate::rule::Rule;
use crate::{Facts, Profile, inspect};
use detent_gas::{Deterministic, Form, Options};
use detent_protocol::Schedule;
use wasmparser::{Parser, Payload};

/// An admitted module.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What the module declares; always present for [`Profile::Contract`].
    pub abi: Option<ContractAbi>,
    /// The module in deterministic form.
    pub form: Deterministic,
    /// Sizes and counts.
    pub facts: Facts,
}

/// Checks `wasm`, rewrites it, and checks the result against `[gate.rewritten]`.
///
/// The caps hold for both forms, whichever is asked for: whether a module is admitted must not depend on a node's engine.
///
/// # Errors
/// The report, with at least one reason.
pub fn admit(wasm: &[u8], profile: Profile, schedule: &Schedule, form: Form) -> Result<Admitted, Report> {
    let (report, abi) = inspect(wasm, profile, schedule);
    if !report.admitted() {
        return Err(report);
    }
    let mut facts = *report.facts;
    let mut findings = Findings::default();
    findings.warnings = report.warnings;
    let mut asked = None;
    for which in [Form::Side, Form::Fine] {
        let options = Options { form: which, metering: true, reenters: Vec::new() };
        match detent_gas::rewrite(wasm, schedule, &options) {
            Ok(rewritten) => {
                facts.rewritten_bytes = facts.rewritten_bytes.max(Some(rewritten.wasm.len() as u64));
                caps(&rewritten, schedule, &mut findings);
                if which == form {
                    asked = Some(rewritten);
                }
            }
            Err(fault) => findings.add(Rule::Rewrite, fault.detail, None, None),
        }
    }
    match asked {
        Some(form) if !findings.any() => Ok(Admitted { abi, form, facts }),
        _ => Err(findings.report(facts)),
    }
}

/// The caps on what an engine is given. Offsets of the original mean nothing here; functions are named by their original index.
fn caps(rewritten: &Deterministic, schedule: &Schedule, findings: &mut Findings) {
    let caps = &schedule.gate.rewritten;
    let form = match rewritten.form {
        Form::Side => "the side form",
        Form::Fine => "the fine form",
    };
    let bytes = rewritten.wasm.len() as u64;
    if bytes > u64::from(caps.module_bytes) {
        let message = format!("{bytes} bytes in {form}, at most {} (gate.rewritten.module_bytes)", caps.module_bytes);
        findings.add(Rule::RewrittenModule, message, None, None);
    }
    let mut index = rewritten.facts.imports.len();
    for payload in Parser::new(0).parse_all(&rewritten.wasm) {
        match payload {
            Ok(Payload::CodeSectionEntry(body)) => {
                let bytes = body.range().len() as u64;
                if bytes > u64::from(caps.body_bytes) {
                    let origin = rewritten.facts.origin.get(index).copied().flatten();
                    let message =
                        format!("{bytes} bytes of a function body in {form}, at most {} (gate.rewritten.body_bytes)", caps.body_bytes);
                    findings.add(Rule::RewrittenBody, message, None, origin);
                }
                index = index.saturating_add(1);
            }
            Ok(_) => {}
            Err(e) => {
                // Never for a rewriter without defects; a refusal is the safe answer to one.
                findings.add(Rule::Rewrite, format!("{form} does not parse: {}", e.message()), None, None);
                return;
            }
        }
    }
}
