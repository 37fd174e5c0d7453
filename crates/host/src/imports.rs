//! Which host function each import of a module is: resolved once an artefact, so that a call costs one index.

use crate::charge::Price;
use detent_gas::{FuncType, Import, ValType};
use detent_protocol::{Code, Fault, HostFunction, HostTable, ValueType};
use std::sync::Arc;

macro_rules! functions {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// The host functions of this version, named as in the import (`HashBlake3` is `hash_blake3`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)] // docs/host-abi.md is the documentation
        pub enum Function { $($variant),* }

        impl Function {
            /// All of them.
            pub const ALL: &[Function] = &[$(Function::$variant),*];

            /// Import name.
            pub const fn name(self) -> &'static str {
                match self { $(Function::$variant => $name),* }
            }
        }
    };
}

functions! {
    Sload = "sload", Sstore = "sstore", Sdelete = "sdelete",
    SloadScalar = "sload_scalar", SstoreScalar = "sstore_scalar", SdeleteScalar = "sdelete_scalar",
    SloadMap1 = "sload_map1", SstoreMap1 = "sstore_map1", SdeleteMap1 = "sdelete_map1",
    SloadMap2 = "sload_map2", SstoreMap2 = "sstore_map2", SdeleteMap2 = "sdelete_map2",
    SloadMap3 = "sload_map3", SstoreMap3 = "sstore_map3", SdeleteMap3 = "sdelete_map3",
    Balance = "balance", Transfer = "transfer",
    Caller = "caller", Origin = "origin", SelfAddress = "self_address",
    WaveId = "wave_id", WaveTimestamp = "wave_timestamp", ChainId = "chain_id",
    TxHash = "tx_hash", TxValue = "tx_value", TxGasRemaining = "tx_gas_remaining",
    CalldataSize = "calldata_size", CalldataCopy = "calldata_copy",
    EmitEvent = "emit_event",
    HashBlake3 = "hash_blake3", HashPoseidon2 = "hash_poseidon2", HashKeccak256 = "hash_keccak256",
    FalconVerify = "falcon_verify",
    CrossCall = "cross_call", CrossCallStatic = "cross_call_static", DelegateCall = "delegate_call",
    Return = "return", Revert = "revert",
    ConsumeGas = "consume_gas",
    BeaconGet = "beacon_get",
}

impl Function {
    /// The function that is imported under `name`.
    pub fn find(name: &str) -> Option<Function> {
        Function::ALL.iter().copied().find(|f| f.name() == name)
    }
}

/// One import, resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub function: Function,
    pub price: Price,
}

/// A module's imports as host functions, in the order of `Facts::imports`.
#[derive(Clone, Debug)]
pub struct ImportTable {
    rows: Box<[Row]>,
}

impl ImportTable {
    /// Resolves imports. The gate has admitted them; whatever it should have refused is refused here again
    /// (`import_unknown`, `import_unavailable`, `import_type`), with the import's name as the place.
    pub fn new(imports: &[Import]) -> Result<Arc<ImportTable>, Fault> {
        let table = HostTable::current();
        let rows = imports.iter().map(|import| resolve(table, import)).collect::<Result<_, _>>()?;
        Ok(Arc::new(ImportTable { rows }))
    }

    /// The function behind import `index`.
    pub fn function(&self, index: usize) -> Option<Function> {
        self.rows.get(index).map(|row| row.function)
    }

    #[inline]
    pub(crate) fn row(&self, index: usize) -> Option<&Row> {
        self.rows.get(index)
    }
}

fn resolve(table: &HostTable, import: &Import) -> Result<Row, Fault> {
    let refuse = |code: Code, why: &str| Fault::new(code, why).at(format_args!("import {}.{}", import.module, import.name));
    if import.module != table.module() {
        return Err(refuse(Code::ImportUnknown, "the host offers functions under one module name only"));
    }
    let known = table.functions.get(&import.name).ok_or_else(|| refuse(Code::ImportUnknown, "the host has no such function"))?;
    let function = match Function::find(&import.name) {
        Some(function) if known.available => function,
        _ => return Err(refuse(Code::ImportUnavailable, "this version does not implement the function")),
    };
    if !fits(known, &import.ty) {
        return Err(refuse(Code::ImportType, "the module declares another type than the function has"));
    }
    Ok(Row { function, price: Price::of(table, known) })
}

/// Parameters as in the table, and its result or the alternative one.
fn fits(function: &HostFunction, ty: &FuncType) -> bool {
    let same = |ours: &[ValueType], theirs: &[ValType]| {
        ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|pair| matches!(pair, (ValueType::I32, ValType::I32) | (ValueType::I64, ValType::I64)))
    };
    same(&function.params, &ty.params)
        && (same(&function.results, &ty.results) || function.results_alt.as_ref().is_some_and(|alt| same(alt, &ty.results)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(name: &str, params: &[ValType], results: &[ValType]) -> Import {
        Import { module: "pyde".into(), name: name.into(), ty: FuncType { params: params.into(), results: results.into() } }
    }

    #[test]
    fn the_functions_here_are_the_available_ones_of_the_table() {
        let mut ours: Vec<&str> = Function::ALL.iter().map(|f| f.name()).collect();
        ours.sort_unstable();
        let theirs: Vec<&str> = HostTable::current().functions.iter().filter(|(_, f)| f.available).map(|(name, _)| name.as_str()).collect();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn both_result_types_of_the_four_bind_and_no_third() {
        use ValType::{F32, I32, I64};
        for (name, params) in [("balance", &[I32, I32][..]), ("tx_hash", &[I32]), ("tx_value", &[I32]), ("consume_gas", &[I64])] {
            assert!(ImportTable::new(&[import(name, params, &[])]).is_ok());
            assert!(ImportTable::new(&[import(name, params, &[I32])]).is_ok());
            for wrong in [&[I64][..], &[F32], &[I32, I32]] {
                let fault = ImportTable::new(&[import(name, params, wrong)]).unwrap_err();
                assert_eq!(fault.code, Code::ImportType, "{name} {wrong:?}");
            }
        }
        assert_eq!(ImportTable::new(&[import("caller", &[I32], &[])]).unwrap_err().code, Code::ImportType);
    }

    #[test]
    fn what_is_not_offered_is_refused_by_its_code() {
        use ValType::I32;
        let mut foreign = import("sload", &[I32, I32, I32], &[I32]);
        foreign.module = "env".into();
        for (import, code) in [
            (foreign, Code::ImportUnknown),
            (import("no_such", &[], &[]), Code::ImportUnknown),
            (import("parachain_version", &[], &[I32]), Code::ImportUnavailable),
            (import("sload", &[I32, I32], &[I32]), Code::ImportType),
        ] {
            let fault = ImportTable::new(std::slice::from_ref(&import)).unwrap_err();
            assert_eq!(fault.code, code, "{import:?}");
            assert!(fault.at.is_some_and(|at| at.contains(&import.name)));
        }
    }
}
