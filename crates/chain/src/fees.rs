//! Fees: the one rounding from fuel to gas, what a transaction must be able to pay, the base fee, and who gets the fees.

use detent_protocol::HostTable;

/// Of 10,000 parts of the fees, how many are burned.
pub const BURNED: u128 = 3_000;
/// Of 10,000 parts of the fees, how many go to the reward pool; the rest, and what rounding leaves, goes to the treasury.
pub const REWARD: u128 = 5_000;

/// Gas of a transaction that used `fuel`: rounded up, once, and at least the minimum of a transaction.
pub fn gas_of(fuel: u64, fuel_per_gas: u64) -> u64 {
    fuel.div_ceil(fuel_per_gas.max(1)).max(HostTable::current().limits.min_gas_limit)
}

/// What a sender must own: the value and the whole gas limit at the base fee. `None` is more than there can be.
pub fn required(value: u128, gas_limit: u64, base_fee: u128) -> Option<u128> {
    u128::from(gas_limit).checked_mul(base_fee)?.checked_add(value)
}

/// The base fee of the block after one that used `gas_used` of a target of `target`.
///
/// Above the target it rises by an eighth of the excess's share of the target and at least by 1; below it falls likewise, and
/// never under 1. A block at four times the target thus raises the fee by 37.5%.
pub fn next_base_fee(base_fee: u128, gas_used: u64, target: u64) -> u128 {
    if target == 0 {
        return base_fee;
    }
    let (used, goal) = (u128::from(gas_used), u128::from(target));
    // the fee times a part of the target, in two steps that cannot overflow: fee = whole * (8 target) + rest
    let share = |part: u128| {
        let unit = goal * 8; // below 2^67
        let (whole, rest) = (base_fee / unit, base_fee % unit);
        whole.saturating_mul(part).saturating_add(rest.saturating_mul(part) / unit)
    };
    if used > goal { base_fee.saturating_add(share(used - goal).max(1)) } else { base_fee.saturating_sub(share(goal - used)).max(1) }
}

/// Where the fees of a block go; the parts add up to the fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Ceases to exist.
    pub burned: u128,
    /// To the reward pool.
    pub reward: u128,
    /// To the treasury.
    pub treasury: u128,
}

impl Split {
    /// Splits the sum of a block's fees.
    pub fn of(fees: u128) -> Split {
        // in two steps, so that no product overflows
        let part = |parts: u128| fees / 10_000 * parts + fees % 10_000 * parts / 10_000;
        let (burned, reward) = (part(BURNED), part(REWARD));
        Split { burned, reward, treasury: fees - burned - reward }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gas_is_rounded_up_once_and_never_below_the_minimum() {
        assert_eq!(gas_of(0, 1), 21_000);
        assert_eq!(gas_of(21_001, 1), 21_001);
        assert_eq!(gas_of(21_000_000, 1000), 21_000);
        assert_eq!(gas_of(21_000_001, 1000), 21_001);
        assert_eq!(gas_of(u64::MAX, 1000), u64::MAX / 1000 + 1);
    }

    #[test]
    fn the_base_fee_follows_the_published_rule() {
        let target = 400_000_000;
        assert_eq!(next_base_fee(100, target, target), 100);
        assert_eq!(next_base_fee(1000, 4 * target, target), 1375);
        assert_eq!(next_base_fee(100, target + 1, target), 101, "a rise is at least 1");
        assert_eq!(next_base_fee(800, 0, target), 700);
        assert_eq!(next_base_fee(1, 0, target), 1, "the floor");
        assert_eq!(next_base_fee(u128::MAX, u64::MAX, target), u128::MAX);
    }

    proptest! {
        #[test]
        fn the_base_fee_equals_the_plain_formula_where_that_fits(fee in 1u128..1 << 60, used in 0u64..1 << 40, target in 1u64..1 << 40) {
            let (u, t) = (u128::from(used), u128::from(target));
            let plain = if u > t { fee + (fee * (u - t) / t / 8).max(1) } else { (fee - fee * (t - u) / t / 8).max(1) };
            prop_assert_eq!(next_base_fee(fee, used, target), plain);
        }

        #[test]
        fn the_split_adds_up(fees in any::<u128>()) {
            let s = Split::of(fees);
            prop_assert_eq!(s.burned + s.reward + s.treasury, fees);
            prop_assert!(s.reward >= s.burned && s.treasury <= s.burned + 2);
        }
    }
}
