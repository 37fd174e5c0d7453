//! Borsh encoding of the section, exact length, by the version it begins with.
//!
//! The borsh crate checks lengths before it allocates; what it does not do is bound recursion, so the two recursive types are read here.

use super::{ContractAbi, ContractKind, ParamType, SECTION, ScalarType, TYPE_DEPTH, V1_0, V1_1, V1_2};
use borsh::io::{Error, ErrorKind, Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use detent_protocol::{Code, Fault};

impl ContractAbi {
    /// The section's content. Writes what the version has room for: no schema in 1.0, no custom types before 1.2.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to a vector fails only for a collection of more than u32::MAX items.
        match self.write(&mut out) {
            Ok(()) => out,
            Err(_) => Vec::new(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        self.version.serialize(out)?;
        out.write_all(&[match self.kind {
            ContractKind::Contract => 0,
            ContractKind::Parachain => 1,
        }])?;
        self.functions.serialize(out)?;
        self.state_schema_hash.serialize(out)?;
        self.constructor_index.serialize(out)?;
        self.fallback_index.serialize(out)?;
        self.receive_index.serialize(out)?;
        self.name.serialize(out)?;
        self.contract_version.serialize(out)?;
        self.events.serialize(out)?;
        self.parachain_imports.serialize(out)?;
        if self.version >= V1_1 {
            match &self.state_schema {
                Some(schema) => schema.serialize(out)?,
                None => 0u32.serialize(out)?,
            }
        }
        if self.version >= V1_2 {
            self.types.serialize(out)?;
        }
        Ok(())
    }

    /// Reads a section's content: exact length, types at most [`TYPE_DEPTH`] deep.
    ///
    /// # Errors
    /// `abi_section`, with the offset inside the content at which reading stopped.
    pub fn decode(content: &[u8]) -> std::result::Result<ContractAbi, Fault> {
        let mut rest = content;
        let result = read(&mut rest);
        let at = content.len().saturating_sub(rest.len());
        let fault = |detail: String| Fault::new(Code::AbiSection, detail).at(format!("byte {at} of {SECTION}"));
        let abi = result.map_err(|e| fault(format!("{SECTION} does not decode: {e}")))?;
        if !rest.is_empty() {
            return Err(fault(format!("{SECTION} has {} bytes left over", rest.len())));
        }
        Ok(abi)
    }
}

fn read(r: &mut &[u8]) -> Result<ContractAbi> {
    let version = u32::deserialize(r)?;
    if !(V1_0..=V1_2).contains(&version) {
        return Err(invalid(format!("version {}.{} is not supported, 1.0 to 1.2 are", version >> 16, version & 0xffff)));
    }
    let kind = match u8::deserialize(r)? {
        0 => ContractKind::Contract,
        1 => ContractKind::Parachain,
        other => return Err(invalid(format!("contract type {other} is unknown"))),
    };
    Ok(ContractAbi {
        version,
        kind,
        functions: Vec::deserialize(r)?,
        state_schema_hash: <[u8; 32]>::deserialize(r)?,
        constructor_index: Option::deserialize(r)?,
        fallback_index: Option::deserialize(r)?,
        receive_index: Option::deserialize(r)?,
        name: String::deserialize(r)?,
        contract_version: String::deserialize(r)?,
        events: Vec::deserialize(r)?,
        parachain_imports: Vec::deserialize(r)?,
        state_schema: if version >= V1_1 { Some(BorshDeserialize::deserialize(r)?) } else { None },
        types: if version >= V1_2 { Vec::deserialize(r)? } else { Vec::new() },
    })
}

impl BorshDeserialize for ParamType {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<ParamType> {
        read_param(reader, TYPE_DEPTH)
    }
}

fn read_param<R: Read>(r: &mut R, depth: u32) -> Result<ParamType> {
    let below = descend(depth)?;
    Ok(match u8::deserialize_reader(r)? {
        0 => ParamType::U8,
        1 => ParamType::U16,
        2 => ParamType::U32,
        3 => ParamType::U64,
        4 => ParamType::U128,
        5 => ParamType::I8,
        6 => ParamType::I16,
        7 => ParamType::I32,
        8 => ParamType::I64,
        9 => ParamType::I128,
        10 => ParamType::Bool,
        11 => ParamType::Address,
        12 => ParamType::Bytes,
        13 => ParamType::String,
        14 => ParamType::FixedBytes(u32::deserialize_reader(r)?),
        15 => ParamType::Vec(Box::new(read_param(r, below)?)),
        16 => {
            let key = Box::new(read_param(r, below)?);
            ParamType::Map { key, value: Box::new(read_param(r, below)?) }
        }
        17 => ParamType::Option(Box::new(read_param(r, below)?)),
        18 => ParamType::Custom(String::deserialize_reader(r)?),
        other => return Err(invalid(format!("type tag {other} is unknown"))),
    })
}

impl BorshDeserialize for ScalarType {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<ScalarType> {
        read_scalar(reader, TYPE_DEPTH)
    }
}

fn read_scalar<R: Read>(r: &mut R, depth: u32) -> Result<ScalarType> {
    let below = descend(depth)?;
    Ok(match u8::deserialize_reader(r)? {
        0 => ScalarType::U8,
        1 => ScalarType::U16,
        2 => ScalarType::U32,
        3 => ScalarType::U64,
        4 => ScalarType::U128,
        5 => ScalarType::I8,
        6 => ScalarType::I16,
        7 => ScalarType::I32,
        8 => ScalarType::I64,
        9 => ScalarType::I128,
        10 => ScalarType::Bool,
        11 => ScalarType::Address,
        12 => ScalarType::Hash32,
        13 => ScalarType::Bytes,
        14 => ScalarType::String,
        15 => ScalarType::Vec(Box::new(read_scalar(r, below)?)),
        other => return Err(invalid(format!("state type tag {other} is unknown"))),
    })
}

fn descend(depth: u32) -> Result<u32> {
    depth.checked_sub(1).ok_or_else(|| invalid(format!("types nest deeper than {TYPE_DEPTH}")))
}

fn invalid(detail: String) -> Error {
    Error::new(ErrorKind::InvalidData, detail)
}
