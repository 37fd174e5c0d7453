//! The `pyde.abi` custom section: what a contract says about itself.
//!
//! [`ContractAbi::decode`] is total (any bytes give a value or a [`Fault`](detent_protocol::Fault), without recursion past
//! [`TYPE_DEPTH`] and without an allocation larger than the section warrants); [`ContractAbi::encode`] is its inverse.
//! [`ContractAbi::problems`] says everything that contradicts itself. [`Schema`] is the state schema as host calls ask for it.

mod attributes;
mod check;
mod codec;
mod names;
mod schema;
mod types;

pub use attributes::Attributes;
pub use schema::{Field, Schema};
pub use types::{EventAbi, FieldKind, FunctionAbi, ParamAbi, ParamType, ScalarType, StateField, StateSchema, TypeAbi, TypeKind};

use serde::Serialize;

/// Name of the custom section.
pub const SECTION: &str = "pyde.abi";

/// How deeply types may nest (`vec(vec(u8))` is 3), custom types counted with what they hold. Deeper sections do not decode, so that
/// nothing that walks types can be driven into deep recursion.
pub const TYPE_DEPTH: u32 = 32;

/// The layout's first version: neither state schema nor custom types.
pub const V1_0: u32 = 0x0001_0000;
/// Added the state schema.
pub const V1_1: u32 = 0x0001_0001;
/// Added custom types; the newest that is accepted.
pub const V1_2: u32 = 0x0001_0002;

/// Contract or parachain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractKind {
    /// An ordinary contract: byte 0.
    Contract,
    /// A parachain: byte 1. Decodes, and is refused at deploy.
    Parachain,
}

/// The whole section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContractAbi {
    /// Version of the layout: major in the high half, minor in the low.
    pub version: u32,
    /// Contract or parachain.
    pub kind: ContractKind,
    /// Declared functions.
    pub functions: Vec<FunctionAbi>,
    /// Informational: nothing on the way of a call reads it, and what exactly it hashes is not published.
    pub state_schema_hash: [u8; 32],
    /// Index of the constructor in `functions`.
    pub constructor_index: Option<u32>,
    /// Index of the function that runs when no name matches.
    pub fallback_index: Option<u32>,
    /// Index of the function that takes bare value transfers.
    pub receive_index: Option<u32>,
    /// The contract's name.
    pub name: String,
    /// The contract's own version.
    pub contract_version: String,
    /// Declared events.
    pub events: Vec<EventAbi>,
    /// Names of parachain capabilities; empty for contracts.
    pub parachain_imports: Vec<String>,
    /// State schema; `None` before layout 1.1.
    pub state_schema: Option<StateSchema>,
    /// Custom types; empty before layout 1.2.
    pub types: Vec<TypeAbi>,
}

impl ContractAbi {
    /// A declared function by name, with its index.
    pub fn find_function(&self, name: &str) -> Option<(u32, &FunctionAbi)> {
        (0..).zip(&self.functions).find(|(_, f)| f.name == name)
    }

    /// A declared function by index, as `constructor_index` and its siblings give it.
    pub fn function(&self, index: u32) -> Option<&FunctionAbi> {
        self.functions.get(usize::try_from(index).ok()?)
    }

    /// The constructor, if one is declared.
    pub fn constructor(&self) -> Option<&FunctionAbi> {
        self.function(self.constructor_index?)
    }

    /// The fallback function, if one is declared.
    pub fn fallback(&self) -> Option<&FunctionAbi> {
        self.function(self.fallback_index?)
    }

    /// The receive function, if one is declared.
    pub fn receive(&self) -> Option<&FunctionAbi> {
        self.function(self.receive_index?)
    }

    /// The state schema as host calls ask for it; `None` when the section's layout has none.
    pub fn schema(&self) -> Option<Schema> {
        self.state_schema.as_ref().map(Schema::new)
    }
}
