//! The table of host functions: types, prices, rules.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../python/detent/protocol/host.toml");

/// A WebAssembly number type as host functions use them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
}

/// One host function.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct HostFunction {
    /// Family, as in the documentation.
    pub group: String,
    /// Parameter types.
    pub params: Vec<ValueType>,
    /// Result types (none or one).
    pub results: Vec<ValueType>,
    /// A second result type found in the wild; the host answers 0.
    pub results_alt: Option<Vec<ValueType>>,
    /// Parameter names.
    pub names: Vec<String>,
    /// Charged first. Gas.
    pub base: u64,
    /// Charged for each byte of `unit`. Gas.
    #[serde(default)]
    pub per_byte: u64,
    /// Charged for each started 8-byte word. Gas.
    #[serde(default)]
    pub per_word: u64,
    /// Charged for each topic. Gas.
    #[serde(default)]
    pub per_topic: u64,
    /// What the per-unit price counts.
    pub unit: Option<String>,
    /// Changes state: traps in a view frame.
    pub changes: bool,
    /// Enters other frames.
    pub nested: bool,
    /// May enter exports of the calling instance.
    pub reenters: bool,
    /// Implemented; otherwise the gate refuses it by name.
    pub available: bool,
    /// Who may import it.
    pub allowed: Vec<String>,
}

/// Limits of host calls and transactions. Bytes unless named otherwise.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names are the documentation
pub struct HostLimits {
    pub storage_value: u32,
    pub event_data: u32,
    pub topics: u32,
    pub return_data: u32,
    pub init_calldata: u32,
    pub hash_input: u32,
    pub falcon_message: u32,
    pub falcon_signature: u32,
    pub tx_calldata: u32,
    pub tx_size: u32,
    pub map_keys: u32,
    pub view_cap: u64,
    pub min_gas_limit: u64,
    pub wave_gas: u64,
    pub name_bytes: u32,
}

/// The host ABI.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct HostTable {
    abi: Abi,
    /// Limits.
    pub limits: HostLimits,
    /// Return codes of host functions, by name.
    pub codes: BTreeMap<String, i32>,
    /// The functions, by import name.
    #[serde(rename = "fn")]
    pub functions: BTreeMap<String, HostFunction>,
    #[serde(skip)]
    hash: [u8; 32],
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Abi {
    version: u32,
    module: String,
}

impl HostTable {
    /// The table in force.
    pub fn current() -> &'static HostTable {
        static CURRENT: LazyLock<HostTable> = LazyLock::new(|| {
            let mut table: HostTable = toml::from_str(TEXT).expect("the embedded host table parses; a test says so");
            table.hash = *blake3::hash(TEXT.as_bytes()).as_bytes();
            table
        });
        &CURRENT
    }

    /// Version of the ABI.
    pub fn version(&self) -> u32 {
        self.abi.version
    }

    /// The import module's name: `pyde`.
    pub fn module(&self) -> &str {
        &self.abi.module
    }

    /// Blake3 of the file.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_parses_and_is_consistent() {
        let t = HostTable::current();
        assert_eq!(t.module(), "pyde");
        for (name, f) in &t.functions {
            assert_eq!(f.params.len(), f.names.len(), "{name}");
            assert!(f.results.len() <= 1, "{name}");
            assert!(!(f.changes && f.allowed.iter().any(|a| a == "view")), "{name} changes state and is allowed in views");
        }
        assert_eq!(t.functions["consume_gas"].results_alt.as_deref(), Some(&[ValueType::I32][..]));
        let alternatives = t.functions.values().filter(|f| f.results_alt.is_some()).count();
        assert_eq!(alternatives, 4);
    }
}
