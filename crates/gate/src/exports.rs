//! Exports: the memory, reserved names, and what a contract declares.

use crate::abi::ContractAbi;
use crate::facts::{kind_name, signature};
use crate::quote::quoted;
use crate::report::Findings;
use crate::rule::Rule;
use crate::scan::Module;
use detent_gas::RESERVED;
use std::collections::BTreeMap;
use wasmparser::ExternalKind;

/// The memory's export name.
const MEMORY: &str = "memory";

/// Names and kinds. `memory` says whether the module needs an exported memory.
pub(crate) fn check(module: &Module<'_>, memory: bool, findings: &mut Findings) {
    for export in &module.exports {
        let at = Some(export.offset);
        if export.name.starts_with(RESERVED) {
            findings.add(Rule::ExportReserved, format!("export {} begins with {RESERVED}", quoted(export.name)), at, None);
        }
        if export.kind == ExternalKind::Func && export.index < module.imported_functions {
            findings.add(Rule::ExportImport, format!("export {} is an imported function", quoted(export.name)), at, Some(export.index));
        }
    }
    if !memory {
        return;
    }
    match module.exports.iter().find(|e| e.name == MEMORY) {
        Some(e) if e.kind == ExternalKind::Memory => {}
        Some(e) => {
            let message = format!("export {} is a {}, not the memory", quoted(MEMORY), kind_name(e.kind));
            findings.add(Rule::MemoryExport, message, Some(e.offset), None);
        }
        None => findings.add(Rule::MemoryExport, format!("there is no exported memory {}", quoted(MEMORY)), None, None),
    }
}

/// Every declared function is exported as a function of type `() -> ()`.
pub(crate) fn declared(module: &Module<'_>, abi: &ContractAbi, findings: &mut Findings) {
    let exports: BTreeMap<&str, _> = module.exports.iter().map(|e| (e.name, e)).collect();
    for f in &abi.functions {
        let name = quoted(&f.name);
        match exports.get(f.name.as_str()) {
            None => findings.add(Rule::Entry, format!("declared function {name} is not exported"), None, None),
            Some(e) if e.kind != ExternalKind::Func => {
                let message = format!("declared function {name} is exported as a {}", kind_name(e.kind));
                findings.add(Rule::Entry, message, Some(e.offset), None);
            }
            Some(e) if !module.is_unit(e.index) => {
                let ty = module.function_type(e.index).map_or_else(|| "unknown".into(), signature);
                let message = format!("declared function {name} has type {ty}, entries have () -> ()");
                findings.add(Rule::Entry, message, Some(e.offset), Some(e.index));
            }
            Some(_) => {}
        }
    }
}
