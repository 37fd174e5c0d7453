//! Prices, and the one way to take them.
//!
//! Prices are gas; the meter counts fuel; `fuel_per_gas` is a genesis constant. Gas to fuel multiplies, exactly, and saturates
//! (a saturated price is above every limit, so it is out of gas). Fuel to gas, where a contract asks what is left, rounds down:
//! then what was used is rounded up, as at the end of a transaction.

use detent_engine::{Exit, Instance};
use detent_protocol::{HostFunction, HostTable};

/// A host function's prices, in gas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price {
    pub base: u64,
    pub per_byte: u64,
    pub per_word: u64,
    pub per_topic: u64,
    /// A started word of a field name or key beyond [`crate::typed_storage::FREE_BYTES`]: the price of Poseidon2 on it.
    pub per_key_word: u64,
}

impl Price {
    pub fn of(table: &HostTable, function: &HostFunction) -> Price {
        Price {
            base: function.base,
            per_byte: function.per_byte,
            per_word: function.per_word,
            per_topic: function.per_topic,
            per_key_word: table.functions.get("hash_poseidon2").map_or(0, |f| f.per_word),
        }
    }
}

/// `gas` as fuel, saturating.
pub(crate) fn to_fuel(gas: u64, fuel_per_gas: u64) -> u64 {
    gas.saturating_mul(fuel_per_gas)
}

/// `fuel` as gas that a contract may still spend, rounded down.
pub(crate) fn to_gas(fuel: u64, fuel_per_gas: u64) -> u64 {
    fuel / fuel_per_gas.max(1)
}

/// Takes `units` times `gas`. What costs nothing does not reach the meter.
#[inline]
pub(crate) fn take(instance: &mut dyn Instance, fuel_per_gas: u64, gas: u64, units: u64) -> Result<(), Exit> {
    let fuel = to_fuel(gas.saturating_mul(units), fuel_per_gas);
    if fuel == 0 { Ok(()) } else { instance.charge(fuel) }
}

/// Started 8-byte words.
pub(crate) fn words(bytes: u32) -> u64 {
    u64::from(bytes.div_ceil(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_and_fuel_convert_without_overflow_and_in_the_contracts_disfavour() {
        assert_eq!(to_fuel(7, 1000), 7000);
        assert_eq!(to_fuel(u64::MAX, 1000), u64::MAX);
        assert_eq!(to_gas(6999, 1000), 6);
        assert_eq!(to_gas(5, 0), 5, "a constant of zero is refused at genesis; here it must only not panic");
        assert_eq!([words(0), words(1), words(8), words(9), words(u32::MAX)], [0, 1, 1, 2, 1 << 29]);
    }
}
