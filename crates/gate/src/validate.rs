//! Validation by the rules of WebAssembly, and which refused proposal an error belongs to.
//!
//! A body that does not validate does not keep the others from being checked. When an error belongs to a proposal, validation goes on as if
//! it were admitted, so that a second proposal, or a real mistake behind the first, is said in the same report.

use crate::features::{ADMITTED, PROPOSALS, Proposal, proposal_of};
use crate::limit::Limit;
use crate::measure::Measure;
use crate::report::{Findings, PER_RULE};
use crate::rule::Rule;
use std::collections::BTreeSet;
use wasmparser::{
    Error, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// How often validation starts again after finding a refused proposal, and how many errors are tried against every proposal in turn.
/// Both bound the work on hostile modules; real ones use one or two proposals, which the errors name.
const ROUNDS: usize = 5;
const TRIALS: usize = 2;

/// An error and the function it lies in (imports first), if it lies in a body.
struct Failure {
    error: Error,
    function: Option<u32>,
}

/// Validates `wasm` and says what is wrong.
pub(crate) fn validate(wasm: &[u8], measure: &mut Measure<'_>, findings: &mut Findings) {
    let mut features = ADMITTED;
    let mut said = BTreeSet::new();
    let mut trials = TRIALS;
    let mut failures = run(wasm, features, None, &mut |height, offset, function| {
        measure.peak(findings, Limit::OperandHeight, height, offset, Some(function));
    });
    for _ in 0..ROUNDS {
        let before = features;
        for Failure { error, function } in &failures {
            let proposal = error.missing_wasm_feature().and_then(proposal_of).or_else(|| {
                trials = trials.checked_sub(1)?;
                tried(wasm, features, error, *function)
            });
            if let Some(proposal) = proposal {
                if !features.contains(proposal.flag) {
                    features |= proposal.flag;
                    let message = format!("{} is not admitted: {}", proposal.name, error.message());
                    findings.add_with_hint(Rule::Feature, message, Some(error.offset()), *function, proposal.hint.into());
                }
            } else if said.insert((error.offset(), *function)) {
                findings.add(Rule::Malformed, error.message().into(), Some(error.offset()), *function);
            }
        }
        if features == before || features.contains(WasmFeatures::COMPONENT_MODEL) {
            return;
        }
        failures = run(wasm, features, None, &mut |_, _, _| {});
    }
}

/// The first proposal under which the error disappears or comes later, when the error does not say itself.
fn tried(wasm: &[u8], features: WasmFeatures, error: &Error, function: Option<u32>) -> Option<&'static Proposal> {
    PROPOSALS.iter().filter(|p| !features.contains(p.flag)).find(|p| {
        let failures = run(wasm, features | p.flag | p.with, function, &mut |_, _, _| {});
        failures.iter().all(|f| f.function == function && f.error.offset() > error.offset())
    })
}

/// Validates, and gives the failures: at most one outside bodies, at most [`PER_RULE`] in bodies. `only` skips all bodies but one.
/// `heights` gets each body's greatest operand height, with the body's offset and function.
fn run(wasm: &[u8], features: WasmFeatures, only: Option<u32>, heights: &mut dyn FnMut(u64, usize, u32)) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(wasm) {
        match payload.and_then(|p| validator.payload(&p)) {
            Ok(ValidPayload::Func(function, body)) => {
                let index = function.index;
                if failures.len() >= PER_RULE || only.is_some_and(|o| o != index) {
                    continue;
                }
                let mut peak = 0;
                match validate_body(function, &body, std::mem::take(&mut allocations), &mut peak) {
                    Ok(back) => allocations = back,
                    Err(error) => failures.push(Failure { error, function: Some(index) }),
                }
                heights(peak, body.range().start, index);
            }
            Ok(_) => {}
            Err(error) => {
                failures.insert(0, Failure { error, function: None });
                break;
            }
        }
    }
    failures
}

fn validate_body(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: FuncValidatorAllocations,
    peak: &mut u64,
) -> Result<FuncValidatorAllocations, Error> {
    let mut validator = function.into_validator(allocations);
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(*validator.features());
    while !reader.eof() {
        reader.visit_operator(&mut validator.visitor(reader.original_position()))??;
        *peak = (*peak).max(u64::from(validator.operand_stack_height()));
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))?;
    Ok(validator.into_allocations())
}
