//! Text names of types, as manifests write them and as event signatures hash them.

use super::{EventAbi, ParamType, ScalarType};
use serde::{Serialize, Serializer};
use std::fmt;

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Recursion is bounded: the decoder refuses types deeper than TYPE_DEPTH.
        match self {
            ParamType::U8 => f.write_str("uint8"),
            ParamType::U16 => f.write_str("uint16"),
            ParamType::U32 => f.write_str("uint32"),
            ParamType::U64 => f.write_str("uint64"),
            ParamType::U128 => f.write_str("uint128"),
            ParamType::I8 => f.write_str("int8"),
            ParamType::I16 => f.write_str("int16"),
            ParamType::I32 => f.write_str("int32"),
            ParamType::I64 => f.write_str("int64"),
            ParamType::I128 => f.write_str("int128"),
            ParamType::Bool => f.write_str("bool"),
            ParamType::Address => f.write_str("address"),
            ParamType::Bytes => f.write_str("bytes"),
            ParamType::String => f.write_str("string"),
            ParamType::FixedBytes(n) => write!(f, "bytes{n}"),
            ParamType::Vec(item) => write!(f, "vec({item})"),
            ParamType::Map { key, value } => write!(f, "map({key} => {value})"),
            ParamType::Option(inner) => write!(f, "option({inner})"),
            ParamType::Custom(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScalarType::U8 => f.write_str("uint8"),
            ScalarType::U16 => f.write_str("uint16"),
            ScalarType::U32 => f.write_str("uint32"),
            ScalarType::U64 => f.write_str("uint64"),
            ScalarType::U128 => f.write_str("uint128"),
            ScalarType::I8 => f.write_str("int8"),
            ScalarType::I16 => f.write_str("int16"),
            ScalarType::I32 => f.write_str("int32"),
            ScalarType::I64 => f.write_str("int64"),
            ScalarType::I128 => f.write_str("int128"),
            ScalarType::Bool => f.write_str("bool"),
            ScalarType::Address => f.write_str("address"),
            ScalarType::Hash32 => f.write_str("bytes32"),
            ScalarType::Bytes => f.write_str("bytes"),
            ScalarType::String => f.write_str("string"),
            ScalarType::Vec(item) => write!(f, "vec({item})"),
        }
    }
}

/// The text name.
impl Serialize for ParamType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text name.
impl Serialize for ScalarType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl EventAbi {
    /// What topic 0 hashes: `Transfer(address,address,uint128)`, all fields in order, indexed or not.
    pub fn signature(&self) -> String {
        let fields: Vec<String> = self.params.iter().map(|p| p.ty.to_string()).collect();
        format!("{}({})", self.name, fields.join(","))
    }

    /// Topic 0: Blake3 of the signature.
    pub fn topic(&self) -> [u8; 32] {
        *blake3::hash(self.signature().as_bytes()).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::ParamAbi;

    #[test]
    fn event_signatures_are_the_published_ones() {
        let field = |ty| ParamAbi { name: String::new(), ty };
        let transfer = EventAbi {
            name: "Transfer".into(),
            params: vec![field(ParamType::Address), field(ParamType::Address), field(ParamType::U128)],
            indexed_mask: 0b11,
        };
        assert_eq!(transfer.signature(), "Transfer(address,address,uint128)");
        // `topic_transfer` of the ABI's vectors
        let hex: String = transfer.topic().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "71fba72c0005dd55aea688392321923169fb06ab0ec0c3e330731ca5979f4db9");
        assert!(transfer.is_indexed(1) && !transfer.is_indexed(2) && !transfer.is_indexed(64));
    }

    #[test]
    fn compound_types_have_readable_names() {
        let ty = ParamType::Map {
            key: Box::new(ParamType::FixedBytes(32)),
            value: Box::new(ParamType::Option(Box::new(ParamType::Vec(Box::new(ParamType::Custom("Order".into())))))),
        };
        assert_eq!(ty.to_string(), "map(bytes32 => option(vec(Order)))");
        assert_eq!(ScalarType::Vec(Box::new(ScalarType::Hash32)).to_string(), "vec(bytes32)");
    }
}
