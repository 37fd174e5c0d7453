//! Imports: only functions of the host table, with a type the host offers.

use crate::facts::signature;
use crate::quote::quoted;
use crate::report::Findings;
use crate::rule::Rule;
use crate::scan::{Import, Module};
use detent_protocol::{HostFunction, HostTable, ValueType};
use std::collections::BTreeMap;
use wasmparser::{FuncType, TypeRef, ValType};

/// Who imports, as the host table's `allowed` names it.
const WHO: &str = "contract";

pub(crate) fn check(module: &Module<'_>, host: &HostTable, findings: &mut Findings) {
    let mut types: BTreeMap<&str, &FuncType> = BTreeMap::new();
    for import in &module.imports {
        let at = Some(import.offset);
        let TypeRef::Func(ty) = import.ty else {
            let message = format!("{} is {}, only functions can be imported", title(import), kind(import.ty));
            findings.add(Rule::ImportKind, message, at, None);
            continue;
        };
        if import.module != host.module() {
            let message = format!("{} is not of the module {}", title(import), quoted(host.module()));
            findings.add(Rule::ImportModule, message, at, None);
            continue;
        }
        let Some(function) = host.functions.get(import.name) else {
            findings.add(Rule::ImportName, format!("{} is not a host function", title(import)), at, None);
            continue;
        };
        if !function.available || !function.allowed.iter().any(|a| a == WHO) {
            unavailable(import, function, findings);
        }
        let Some(ty) = module.type_at(ty) else { continue }; // validation says so
        if !offered(ty, function) {
            let message = format!("{} has type {}, the host offers {}", title(import), signature(ty), offers(function));
            findings.add(Rule::ImportType, message, at, None);
        }
        let first = *types.entry(import.name).or_insert(ty);
        if first != ty {
            let message = format!("{} is imported as {} and as {}", title(import), signature(first), signature(ty));
            findings.add(Rule::ImportConflict, message, at, None);
        }
    }
}

fn unavailable(import: &Import<'_>, function: &HostFunction, findings: &mut Findings) {
    let why = if function.allowed.iter().any(|a| a == WHO) {
        "is not implemented in this version".into()
    } else {
        format!("is for {} only", function.allowed.join(", "))
    };
    findings.add(Rule::ImportUnavailable, format!("{} {why}", title(import)), Some(import.offset), None);
}

fn offered(ty: &FuncType, function: &HostFunction) -> bool {
    same(ty.params(), &function.params)
        && (same(ty.results(), &function.results) || function.results_alt.as_ref().is_some_and(|alt| same(ty.results(), alt)))
}

fn same(declared: &[ValType], host: &[ValueType]) -> bool {
    declared.len() == host.len()
        && declared.iter().zip(host).all(|pair| matches!(pair, (ValType::I32, ValueType::I32) | (ValType::I64, ValueType::I64)))
}

fn offers(function: &HostFunction) -> String {
    let list = |types: &[ValueType]| types.iter().map(|t| if *t == ValueType::I32 { "i32" } else { "i64" }).collect::<Vec<_>>().join(", ");
    let params = list(&function.params);
    let results = std::iter::once(&function.results).chain(&function.results_alt);
    results.map(|r| format!("({params}) -> ({})", list(r))).collect::<Vec<_>>().join(" or ")
}

fn title(import: &Import<'_>) -> String {
    format!("import {} of {}", quoted(import.name), quoted(import.module))
}

fn kind(ty: TypeRef) -> &'static str {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => "a function of another kind",
        TypeRef::Table(_) => "a table",
        TypeRef::Memory(_) => "a memory",
        TypeRef::Global(_) => "a global",
        TypeRef::Tag(_) => "a tag",
    }
}
