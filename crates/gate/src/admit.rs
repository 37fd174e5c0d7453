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
/// # Errors
/// The report, with at least one reason.
pub fn admit(wasm: &[u8], profile: Profile, schedule: &Schedule, form: Form) -> Result<Admitted, Report> {
    let (report, abi) = inspect(wasm, profile, schedule);
    if !report.admitted() {
        return Err(report);
    }
    let mut facts = report.facts;
    let options = Options { form, metering: true, reenters: Vec::new() };
    let mut findings = Findings::default();
    findings.warnings = report.warnings;
    match detent_gas::rewrite(wasm, schedule, &options) {
        Ok(form) => {
            facts.rewritten_bytes = Some(form.wasm.len() as u64);
            rewritten(&form, schedule, &mut findings);
            if findings.any() { Err(findings.report(facts)) } else { Ok(Admitted { abi, form, facts }) }
        }
        Err(fault) => {
            findings.add(Rule::Rewrite, fault.detail, None, None);
            Err(findings.report(facts))
        }
    }
}

/// The caps on what an engine is given. Offsets of the original mean nothing here; functions are named by their original index.
fn rewritten(form: &Deterministic, schedule: &Schedule, findings: &mut Findings) {
    let caps = &schedule.gate.rewritten;
    let bytes = form.wasm.len() as u64;
    if bytes > u64::from(caps.module_bytes) {
        let message = format!("{bytes} bytes after rewriting, at most {} (gate.rewritten.module_bytes)", caps.module_bytes);
        findings.add(Rule::RewrittenModule, message, None, None);
    }
    let mut index = form.facts.imports.len();
    for payload in Parser::new(0).parse_all(&form.wasm) {
        match payload {
            Ok(Payload::CodeSectionEntry(body)) => {
                let bytes = body.range().len() as u64;
                if bytes > u64::from(caps.body_bytes) {
                    let origin = form.facts.origin.get(index).copied().flatten();
                    let message = format!(
                        "{bytes} bytes of a function body after rewriting, at most {} (gate.rewritten.body_bytes)",
                        caps.body_bytes
                    );
                    findings.add(Rule::RewrittenBody, message, None, origin);
                }
                index = index.saturating_add(1);
            }
            Ok(_) => {}
            Err(e) => {
                // Never for a rewriter without defects; a refusal is the safe answer to one.
                findings.add(Rule::Rewrite, format!("the rewritten module does not parse: {}", e.message()), None, None);
                return;
            }
        }
    }
}
