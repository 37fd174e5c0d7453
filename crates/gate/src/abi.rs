//! The `pyde.abi` section: types, total decoder, checks (`abi_section` of the ABI table; SDK types are the oracle).

/// State schema, by field name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {}
