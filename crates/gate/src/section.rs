//! The ABI section in the module: there once, readable, and in agreement with the module and itself.

use crate::abi::{ContractAbi, SECTION};
use crate::report::Findings;
use crate::rule::Rule;
use crate::scan::Module;
use crate::{Profile, exports};

/// Checks the section and gives it if it is readable and alone. For [`Profile::Bare`] everything about it is a warning at most.
pub(crate) fn check(module: &Module<'_>, profile: Profile, findings: &mut Findings) -> Option<ContractAbi> {
    let contract = profile == Profile::Contract;
    let (content, offset) = match module.abi.as_slice() {
        [] => {
            if contract {
                findings.add(Rule::AbiCount, format!("there is no custom section {SECTION}"), None, None);
            }
            return None;
        }
        [only] => *only,
        [_, second, ..] => {
            let message = format!("{} custom sections are named {SECTION}, one is expected", module.abi.len());
            if contract {
                findings.add(Rule::AbiCount, message, Some(second.1), None);
            } else {
                findings.warnings.push(message);
            }
            return None;
        }
    };
    let abi = match ContractAbi::decode(content) {
        Ok(abi) => abi,
        Err(fault) => {
            let place = fault.at.map_or_else(String::new, |at| format!(" ({at})"));
            let message = format!("{}{place}", fault.detail);
            if contract {
                findings.add(Rule::AbiDecode, message, Some(offset), None);
            } else {
                findings.warnings.push(message);
            }
            return None;
        }
    };
    if contract {
        exports::declared(module, &abi, findings);
        for problem in abi.problems() {
            findings.add(Rule::AbiConsistent, problem, Some(offset), None);
        }
        findings.warnings.extend(abi.warnings());
    }
    Some(abi)
}
