//! What a chain starts from: its constants and the first accounts.

use crate::account::PublicKey;
use crate::address;
use crate::receipt::hex0x;
use borsh::BorshSerialize;
use detent_host::Address;
use detent_protocol::{Code, Fault, HostTable};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The constants of a chain. Its hash is the parent of block 0, so that chains of different constants share no block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// 1 main network, 2 test network, 31337 development.
    pub chain_id: u64,
    /// Takes unsigned transactions and endowments.
    pub dev: bool,
    /// Fuel per gas: 1, or 1000 in the `pyde` profile.
    pub fuel_per_gas: u64,
    /// Quanta per gas in block 1, at least 1.
    #[serde(deserialize_with = "amount", serialize_with = "decimal")]
    pub base_fee: u128,
    /// Gas that one block may use, and so one transaction.
    pub wave_gas: u64,
    /// Gas per block at which the base fee stays.
    pub target_gas: u64,
    /// Fuel that one transaction may use.
    pub tx_fuel: u64,
    /// Fuel that one block may use.
    pub wave_fuel: u64,
    /// Seconds since 1970 of block 0.
    pub timestamp: u64,
    /// Seconds from a block to the next when nobody sets the time.
    pub block_seconds: u64,
    /// The first accounts.
    pub balances: Vec<Endowment>,
}

/// An account of the genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endowment {
    /// Whose.
    #[serde(deserialize_with = "hex32", serialize_with = "hex_text")]
    pub address: Address,
    /// The key to register, 897 bytes in hexadecimal.
    #[serde(default, deserialize_with = "key", serialize_with = "key_text", skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
    /// Quanta.
    #[serde(deserialize_with = "amount", serialize_with = "decimal")]
    pub balance: u128,
}

impl Default for Genesis {
    fn default() -> Genesis {
        let wave_gas = HostTable::current().limits.wave_gas;
        Genesis {
            chain_id: 31337,
            dev: true,
            fuel_per_gas: 1,
            base_fee: 100,
            wave_gas,
            target_gas: wave_gas / 4,
            tx_fuel: wave_gas,
            wave_fuel: wave_gas,
            timestamp: 1_700_000_000,
            block_seconds: 1,
            balances: Vec::new(),
        }
    }
}

/// No limit reaches this: products of gas and prices stay far below 2^63.
const LIMIT: u64 = 1 << 50;

impl Genesis {
    /// The profile of Pyde's chain: 1000 fuel a gas, and limits of fuel to match.
    pub fn pyde() -> Genesis {
        let plain = Genesis::default();
        Genesis { fuel_per_gas: 1000, tx_fuel: plain.wave_gas * 1000, wave_fuel: plain.wave_gas * 1000, ..plain }
    }

    /// Reads the JSON form. Missing fields have the defaults; `fuel_per_gas` alone scales the limits of fuel with it.
    pub fn from_json(text: &str) -> Result<Genesis, Fault> {
        let invalid = |e: serde_json::Error| Fault::new(Code::GenesisInvalid, e.to_string());
        let value: serde_json::Value = serde_json::from_str(text).map_err(invalid)?;
        if !value.is_object() {
            return Err(Fault::new(Code::GenesisInvalid, "the genesis is not a JSON object"));
        }
        let given = |field: &str| value.get(field).is_some();
        let (target, tx, wave) = (given("target_gas"), given("tx_fuel"), given("wave_fuel"));
        let mut genesis: Genesis = serde_json::from_value(value).map_err(invalid)?;
        let fuel = genesis.wave_gas.saturating_mul(genesis.fuel_per_gas);
        if !target {
            genesis.target_gas = (genesis.wave_gas / 4).max(1);
        }
        if !tx {
            genesis.tx_fuel = fuel;
        }
        if !wave {
            genesis.wave_fuel = fuel;
        }
        genesis.check()?;
        Ok(genesis)
    }

    /// The JSON form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // no map keys, nothing that fails
    }

    /// Refuses constants that contradict each other or could overflow a product, and accounts that are named twice.
    pub fn check(&self) -> Result<(), Fault> {
        let refuse = |field: &str, why: String| Err(Fault::new(Code::GenesisInvalid, why).at(field));
        if self.fuel_per_gas == 0 || self.fuel_per_gas > 1_000_000 {
            return refuse("fuel_per_gas", "is between 1 and 1000000".into());
        }
        if self.base_fee == 0 || self.base_fee > 1 << 64 {
            return refuse("base_fee", "is between 1 and 2^64".into());
        }
        let limits =
            [("wave_gas", self.wave_gas), ("target_gas", self.target_gas), ("tx_fuel", self.tx_fuel), ("wave_fuel", self.wave_fuel)];
        for (field, limit) in limits {
            if limit == 0 || limit > LIMIT {
                return refuse(field, format!("is between 1 and {LIMIT}"));
            }
        }
        if self.wave_gas.checked_mul(self.fuel_per_gas).is_none_or(|fuel| fuel > 1 << 62) {
            return refuse("wave_gas", "times fuel_per_gas stays below 2^62".into());
        }
        let mut supply = 0u128;
        let mut seen = std::collections::BTreeSet::new();
        for (i, one) in self.balances.iter().enumerate() {
            let at = format!("balances[{i}]");
            if !seen.insert(one.address) {
                return refuse(&at, "the address occurs before".into());
            }
            if one.public_key.as_ref().is_some_and(|key| address::of_key(key) != one.address) {
                return refuse(&at, "the key does not hash to the address".into());
            }
            supply = match supply.checked_add(one.balance) {
                // leaves room for what development chains endow
                Some(sum) if sum <= u128::MAX >> 1 => sum,
                _ => return refuse(&at, "the balances exceed 2^127".into()),
            };
        }
        Ok(())
    }

    /// Blake3 of the borsh bytes and of the protocol's tables: the parent of block 0.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"detent-genesis-1");
        hasher.update(&borsh::to_vec(self).unwrap_or_default());
        hasher.update(&detent_protocol::Schedule::current().hash());
        hasher.update(&HostTable::current().hash());
        *hasher.finalize().as_bytes()
    }
}

fn hex_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    hex::decode(text.strip_prefix("0x").unwrap_or(&text)).map_err(D::Error::custom)
}

fn hex32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    hex_bytes(deserializer)?.try_into().map_err(|_| D::Error::custom("an address has 32 bytes"))
}

fn hex_text<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex0x(bytes))
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PublicKey>, D::Error> {
    PublicKey::from_slice(&hex_bytes(deserializer)?).map(Some).ok_or_else(|| D::Error::custom("a public key has 897 bytes"))
}

fn key_text<S: Serializer>(key: &Option<PublicKey>, serializer: S) -> Result<S::Ok, S::Error> {
    match key {
        Some(key) => serializer.serialize_str(&hex0x(&key.0[..])),
        None => serializer.serialize_none(),
    }
}

/// A number, or a string with a decimal or 0x number: JSON numbers end at 2^53 in many readers.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(u64),
        Text(String),
    }
    match Form::deserialize(deserializer)? {
        Form::Number(n) => Ok(n.into()),
        Form::Text(text) => match text.strip_prefix("0x") {
            Some(hex) => u128::from_str_radix(hex, 16),
            None => text.parse(),
        }
        .map_err(D::Error::custom),
    }
}

fn decimal<S: Serializer>(n: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&n.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_round_trips_and_takes_numbers_in_every_spelling() {
        let text = format!(
            r#"{{"chain_id": 7, "fuel_per_gas": 1000, "base_fee": 5,
                "balances": [{{"address": "0x{0}", "balance": "1000000000000000000000000"}}, {{"address": "{1}", "balance": "0x10"}}]}}"#,
            "11".repeat(32),
            "22".repeat(32)
        );
        let g = Genesis::from_json(&text).unwrap();
        assert_eq!((g.chain_id, g.base_fee, g.balances[0].balance, g.balances[1].balance), (7, 5, 10u128.pow(24), 16));
        assert_eq!(g.tx_fuel, g.wave_gas * 1000, "limits of fuel follow fuel_per_gas");
        assert_eq!(Genesis::from_json(&g.to_json()).unwrap(), g);
        assert_eq!(Genesis::from_json("{}").unwrap(), Genesis::default());
        assert_eq!(Genesis::from_json(r#"{"fuel_per_gas": 1000}"#).unwrap(), Genesis::pyde());
    }

    #[test]
    fn contradictions_are_refused_with_their_place() {
        let refuse = |text: &str| Genesis::from_json(text).unwrap_err();
        for text in [
            "",
            "[]",
            r#"{"chain": 1}"#,
            r#"{"fuel_per_gas": 0}"#,
            r#"{"base_fee": 0}"#,
            r#"{"wave_gas": 0}"#,
            r#"{"wave_gas": 18446744073709551615}"#,
            r#"{"balances": [{"address": "0x11", "balance": 1}]}"#,
        ] {
            assert_eq!(refuse(text).code, Code::GenesisInvalid, "{text}");
        }
        let address = "33".repeat(32);
        let entry = format!(r#"{{"address": "{address}", "balance": "340282366920938463463374607431768211455"}}"#);
        assert_eq!(refuse(&format!(r#"{{"balances": [{entry}]}}"#)).at.as_deref(), Some("balances[0]"));
        let small = format!(r#"{{"address": "{address}", "balance": 1}}"#);
        assert_eq!(refuse(&format!(r#"{{"balances": [{small}, {small}]}}"#)).at.as_deref(), Some("balances[1]"));
        let keyed = format!(r#"{{"balances": [{{"address": "{address}", "balance": 1, "public_key": "{}"}}]}}"#, "09".repeat(897));
        assert_eq!(refuse(&keyed).at.as_deref(), Some("balances[0]"));
    }

    #[test]
    fn every_constant_is_part_of_the_hash() {
        let plain = Genesis::default();
        let changed = [
            Genesis { chain_id: 1, ..plain.clone() },
            Genesis { dev: false, ..plain.clone() },
            Genesis { base_fee: 101, ..plain.clone() },
            Genesis { timestamp: 0, ..plain.clone() },
            Genesis { balances: vec![Endowment { address: [1; 32], public_key: None, balance: 1 }], ..plain.clone() },
            Genesis::pyde(),
        ];
        for other in changed {
            assert_ne!(other.hash(), plain.hash());
        }
    }
}
