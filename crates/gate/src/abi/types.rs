//! The types that a section declares. Decoding of the recursive ones is in `codec`, names are in `names`.
//!
//! The order of variants and fields is the encoding.

use super::Attributes;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

/// Type of a parameter, a result, an event field or a struct field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize)]
#[allow(missing_docs)] // the names are the documentation
pub enum ParamType {
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    Bool,
    /// 32 bytes.
    Address,
    /// Any number of bytes.
    Bytes,
    /// UTF-8.
    String,
    /// Exactly so many bytes, without a length.
    FixedBytes(u32),
    Vec(Box<ParamType>),
    Map {
        key: Box<ParamType>,
        value: Box<ParamType>,
    },
    Option(Box<ParamType>),
    /// One of [`ContractAbi::types`](super::ContractAbi::types), by name.
    Custom(String),
}

/// Type of a key or a value in state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize)]
#[allow(missing_docs)] // the names are the documentation
pub enum ScalarType {
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    Bool,
    /// 32 bytes.
    Address,
    /// 32 bytes.
    Hash32,
    /// Any number of bytes; also what fields of struct types are lowered to.
    Bytes,
    /// UTF-8.
    String,
    Vec(Box<ScalarType>),
}

impl ScalarType {
    /// Width in bytes of types whose values all have the same; `None` for bytes, strings and vectors.
    pub const fn fixed_width(&self) -> Option<u8> {
        match self {
            ScalarType::U8 | ScalarType::I8 | ScalarType::Bool => Some(1),
            ScalarType::U16 | ScalarType::I16 => Some(2),
            ScalarType::U32 | ScalarType::I32 => Some(4),
            ScalarType::U64 | ScalarType::I64 => Some(8),
            ScalarType::U128 | ScalarType::I128 => Some(16),
            ScalarType::Address | ScalarType::Hash32 => Some(32),
            ScalarType::Bytes | ScalarType::String | ScalarType::Vec(_) => None,
        }
    }
}

/// A named parameter or field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, BorshSerialize, BorshDeserialize)]
pub struct ParamAbi {
    /// For people; `arg0` and so on for parameters.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: ParamType,
}

/// A declared function. The export of the same name has type `() -> ()`; arguments travel as calldata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
pub struct FunctionAbi {
    /// First four bytes of Blake3 of the name. Informational: calls go by name.
    pub selector: [u8; 4],
    /// Name of the export.
    pub name: String,
    /// What it may do and who may call it.
    pub attributes: Attributes,
    /// Parameters in order.
    pub params: Vec<ParamAbi>,
    /// Result; `None` for a function that returns no data.
    pub returns: Option<ParamType>,
}

impl FunctionAbi {
    /// A function with the selector that belongs to its name.
    pub fn new(name: impl Into<String>, attributes: Attributes, params: Vec<ParamAbi>, returns: Option<ParamType>) -> FunctionAbi {
        let name = name.into();
        let hash = blake3::hash(name.as_bytes());
        let [a, b, c, d, ..] = *hash.as_bytes();
        FunctionAbi { selector: [a, b, c, d], name, attributes, params, returns }
    }
}

/// A declared event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
pub struct EventAbi {
    /// Its name.
    pub name: String,
    /// Fields in order.
    pub params: Vec<ParamAbi>,
    /// Bit i: field i is a topic.
    pub indexed_mask: u8,
}

impl EventAbi {
    /// Whether field `index` is a topic.
    pub fn is_indexed(&self, index: usize) -> bool {
        index < 8 && self.indexed_mask >> index & 1 == 1
    }
}

/// A custom type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
pub struct TypeAbi {
    /// Its name, as [`ParamType::Custom`] refers to it.
    pub name: String,
    /// Its shape.
    #[serde(flatten)]
    pub kind: TypeKind,
}

/// Shape of a custom type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// Fields, encoded one after another.
    Struct(Vec<ParamAbi>),
    /// Names of variants without content, encoded as one byte.
    Enum(Vec<String>),
}

/// Declared state, in the order of the section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
pub struct StateSchema {
    /// The fields.
    pub fields: Vec<StateField>,
}

/// A declared state field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
pub struct StateField {
    /// Its name, part of the slot's hash.
    pub name: String,
    /// Its shape.
    #[serde(flatten)]
    pub kind: FieldKind,
}

/// Shape of a state field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FieldKind {
    /// One value.
    Scalar {
        /// Its type.
        value: ScalarType,
    },
    /// A value for each combination of keys.
    Map {
        /// Types of the keys, one to three.
        keys: Vec<ScalarType>,
        /// Type of the values.
        value: ScalarType,
    },
}
