//! What a host must know of the original module.

use borsh::{BorshDeserialize, BorshSerialize};

/// What the host needs of the original module.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Facts {
    /// The instance charge of `docs/metering.md` section 4, in fuel.
    pub instance_charge: u64,
    /// Initial pages of the memory (0 without one).
    pub initial_pages: u32,
    /// The export name of the memory in the rewritten module, if there is one.
    pub memory: Option<String>,
    /// Imports in order.
    pub imports: Vec<Import>,
    /// Exported functions by name, with their types.
    pub exports: Vec<Export>,
    /// Whether the module had a start function (now exported as `detent:start`).
    pub start: bool,
    /// How many `detent:g<i>` exports there are (mutable globals of the original).
    pub mutable_globals: u32,
    /// For each function index of the **rewritten** module, the original index if it is one of the original's functions.
    pub origin: Vec<Option<u32>>,
    /// Names of functions by **original** index, from the `name` section; shorter than the functions when the tail has none.
    /// For people only: a malformed section gives no names and changes nothing else.
    pub names: Vec<Option<String>>,
}

/// A function that the module imports.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Import {
    /// Import module.
    pub module: String,
    /// Import name.
    pub name: String,
    /// Its type.
    pub ty: FuncType,
}

/// A function that the module exports.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Export {
    /// Export name.
    pub name: String,
    /// Its type.
    pub ty: FuncType,
}

/// A value type of function signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[allow(missing_docs)] // the WebAssembly names
pub enum ValType {
    I32,
    I64,
    F32,
    F64,
}

/// A function type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct FuncType {
    /// Parameters.
    pub params: Vec<ValType>,
    /// Results.
    pub results: Vec<ValType>,
}
