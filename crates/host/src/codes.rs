//! Codes that host functions answer, as numbers of `[codes]` in `host.toml` (a test holds the two together).

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal),* $(,)?) => {
        $($(#[$doc])* pub const $name: i32 = $value;)*

        #[cfg(test)]
        const ALL: &[(&str, i32)] = &[$((stringify!($name), $name)),*];
    };
}

codes! {
    /// Bad input; also what reads answer for a slot that was never written.
    INVALID_INPUT = -1,
    /// The account has less than the value to move.
    INSUFFICIENT_BALANCE = -3,
    /// A static call of a function that is no view.
    FORBIDDEN = -5,
    /// The (address, function) is already on the call stack and not reentrant.
    REENTRANCY_BLOCKED = -9,
    /// The callee reverted or trapped.
    CROSS_CALL_FAILED = -10,
    /// The callee used up its gas.
    CROSS_CALL_OUT_OF_GAS = -11,
    /// Value for a function that takes none.
    VALUE_TRANSFER_NOT_PAYABLE = -12,
    /// No such function.
    INVALID_FUNCTION_NAME = -13,
    /// The signature, key or encoding is not valid.
    SIGNATURE_INVALID = -17,
    /// The running code has no state schema.
    SCHEMA_MISSING = -30,
    /// The schema has no such field.
    UNKNOWN_FIELD = -31,
    /// The field takes another number of keys.
    FIELD_KIND_MISMATCH = -32,
    /// A key has another width than its type.
    KEY_TYPE_MISMATCH = -33,
    /// The value has another width than its type.
    VALUE_TYPE_MISMATCH = -34,
}

/// A code as the result's raw bits.
pub(crate) const fn bits(code: i32) -> u64 {
    code as u32 as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_table() {
        let table = &detent_protocol::HostTable::current().codes;
        for (name, code) in ALL {
            assert_eq!(table.get(&name.to_lowercase()), Some(code), "{name}");
        }
    }
}
