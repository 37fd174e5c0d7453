//! Addresses: everything is the Poseidon2 hash of something, so none can be chosen.

use crate::account::PublicKey;
use detent_host::{Address, poseidon2};
use detent_protocol::{Code, Fault};

/// No account: the recipient of deployments and registrations, and the caller of views that name none.
pub const ZERO: Address = [0; 32];

/// Longest contract name, bytes.
pub const NAME_MAX: usize = 32;
/// Shortest contract name, bytes.
pub const NAME_MIN: usize = 3;

/// The account of a key.
pub fn of_key(key: &PublicKey) -> Address {
    poseidon2::hash(&key.0[..])
}

/// The contract of a name.
pub fn of_contract(name: &str) -> Address {
    poseidon2::hash(&[b"pyde-contract:", name.as_bytes()].concat())
}

/// A system account, by its name.
pub fn of_system(name: &str) -> Address {
    poseidon2::hash(name.as_bytes())
}

/// Where the treasury's part of the fees goes.
pub fn treasury() -> Address {
    static ADDRESS: std::sync::LazyLock<Address> = std::sync::LazyLock::new(|| of_system("pyde-treasury"));
    *ADDRESS
}

/// Where the reward part of the fees goes.
pub fn reward_pool() -> Address {
    static ADDRESS: std::sync::LazyLock<Address> = std::sync::LazyLock::new(|| of_system("pyde-reward-pool"));
    *ADDRESS
}

/// The name rule: 3 to 32 of a-z, 0-9 and `-`, no `-` at an edge and no two in a row.
///
/// This is the part that the published build tool and the chain's registry both accept.
pub fn check_name(name: &str) -> Result<(), Fault> {
    let refuse = |why: String| Err(Fault::new(Code::ContractNameInvalid, why));
    if !(NAME_MIN..=NAME_MAX).contains(&name.len()) {
        return refuse(format!("a name has {NAME_MIN} to {NAME_MAX} characters, this one has {} bytes", name.len()));
    }
    if let Some(at) = name.bytes().position(|b| !(b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')) {
        return refuse(format!("the character at byte {at} of {name:?} is not one of a-z, 0-9 and -"));
    }
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return refuse(format!("{name:?} has a - at an edge, or two in a row"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_match_the_published_vectors() {
        // computed with pyde-rust-sdk 0.3.2 and pyde-crypto 0.1.0-testnet.1
        assert_eq!(hex::encode(of_contract("pyde-template")), "50437e0531e82e14b755c06c723e3e40e181da4f05f299788d134ef628cabe48");
        assert_eq!(hex::encode(of_contract("counter")), "f92c27a16aa74d5aca7be4d9072836d1fe220c66b7b9cb194b6fac83185370cf");
        assert_eq!(hex::encode(treasury()), "0b8c376dc5a0bb2513e2f4226be45da4da2e5803435d80e2a856ff5f8067ef4b");
        assert_eq!(hex::encode(reward_pool()), "5128c8dfc824c66c686dcfe25bf46dd6b0ecef1b9470076f5ed39aa8e12bf69a");
    }

    #[test]
    fn the_name_rule_is_the_intersection_of_both_tools() {
        for good in ["abc", "counter", "a-b-c", "0x0", "a23456789-123456789-123456789-12"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "Abc", "a_b", "-ab", "ab-", "a--b", "a b", "caf\u{e9}", "a23456789-123456789-123456789-123"] {
            assert_eq!(check_name(bad).unwrap_err().code, Code::ContractNameInvalid, "{bad}");
        }
    }
}
