//! Accounts: the record that the outside sees, and the two parts in which state keeps it.
//!
//! Nearly every write changes only a balance or a nonce, nearly every read of the rest finds it unchanged, and keys are long
//! (897 bytes each). So state keeps a [`Purse`] (26 bytes) and, for accounts that have one, an [`Identity`]. The record of the
//! ABI, 144 bytes without keys, is put together by [`Account::new`].

use crate::nonce::NonceWindow;
use borsh::{BorshDeserialize, BorshSerialize, io};
use detent_host::Address;
use detent_protocol::{Code, Fault};

/// Bytes of a Falcon-512 public key.
pub const PUBLIC_KEY: usize = 897;

/// Signers that a multi-signature account may have.
pub const SIGNERS: usize = 16;

/// What an account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AccountKind {
    /// Held by keys, or by nobody yet.
    #[default]
    Eoa = 0,
    /// Has code.
    Contract = 1,
    /// The protocol's own.
    System = 2,
}

impl AccountKind {
    /// The name that clients use.
    pub fn name(self) -> &'static str {
        match self {
            AccountKind::Eoa => "eoa",
            AccountKind::Contract => "contract",
            AccountKind::System => "system",
        }
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(pub Box<[u8; PUBLIC_KEY]>);

impl PublicKey {
    /// From exactly 897 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<PublicKey> {
        Some(PublicKey(Box::new(bytes.try_into().ok()?)))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({}...)", hex::encode(&self.0[..8]))
    }
}

impl BorshSerialize for PublicKey {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0[..])
    }
}

impl BorshDeserialize for PublicKey {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut key = Box::new([0; PUBLIC_KEY]);
        reader.read_exact(&mut key[..])?;
        Ok(PublicKey(key))
    }
}

/// Who may sign for an account. Tag 3 is reserved by the ABI and does not decode.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AuthKeys {
    /// Nobody: contracts, system accounts, and accounts before their registration.
    #[default]
    None = 0,
    /// One key.
    Single(PublicKey) = 1,
    /// `threshold` of `signers`.
    Multi {
        /// 1 to the number of signers.
        threshold: u8,
        /// 1 to 16 keys.
        signers: Vec<PublicKey>,
    } = 2,
}

impl BorshDeserialize for AuthKeys {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let refuse = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_string()));
        match u8::deserialize_reader(reader)? {
            0 => Ok(AuthKeys::None),
            1 => Ok(AuthKeys::Single(PublicKey::deserialize_reader(reader)?)),
            2 => {
                let threshold = u8::deserialize_reader(reader)?;
                let count = u32::deserialize_reader(reader)? as usize;
                if count == 0 || count > SIGNERS || threshold == 0 || usize::from(threshold) > count {
                    return refuse("threshold or number of signers");
                }
                let signers = (0..count).map(|_| PublicKey::deserialize_reader(reader)).collect::<io::Result<_>>()?;
                Ok(AuthKeys::Multi { threshold, signers })
            }
            _ => refuse("kind of keys"),
        }
    }
}

/// The part of an account that transactions change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Purse {
    /// Unused nonces.
    pub nonces: NonceWindow,
    /// Quanta.
    pub balance: u128,
}

impl Purse {
    /// Bytes in state.
    pub const SIZE: usize = 26;

    /// The bytes that state keeps: borsh.
    pub fn to_bytes(self) -> [u8; Purse::SIZE] {
        let mut out = [0; Purse::SIZE];
        out[..8].copy_from_slice(&self.nonces.base.to_le_bytes());
        out[8..10].copy_from_slice(&self.nonces.used.to_le_bytes());
        out[10..].copy_from_slice(&self.balance.to_le_bytes());
        out
    }

    /// Reads what state keeps.
    pub fn from_bytes(bytes: &[u8]) -> Result<Purse, Fault> {
        let malformed = || Fault::new(Code::RecordMalformed, format!("{} bytes are not an account's purse", bytes.len()));
        let bytes: &[u8; Purse::SIZE] = bytes.try_into().map_err(|_| malformed())?;
        let (base, rest) = bytes.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (used, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
        let balance = rest.first_chunk::<16>().ok_or_else(malformed)?;
        let nonces = NonceWindow { base: u64::from_le_bytes(*base), used: u16::from_le_bytes(*used) };
        Ok(Purse { nonces, balance: u128::from_le_bytes(*balance) })
    }
}

/// The part of an account that rarely changes. Accounts that equal the default have none in state.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Identity {
    /// What it is.
    pub kind: AccountKind,
    /// Blake3 of the code as deployed; zeros without code.
    pub code_hash: [u8; 32],
    /// Who may sign.
    pub keys: AuthKeys,
    /// Quanta set aside for sponsored calls.
    pub gas_tank: u128,
    /// How often the keys changed.
    pub key_nonce: u32,
}

impl Identity {
    /// Reads what state keeps.
    pub fn from_bytes(bytes: &[u8]) -> Result<Identity, Fault> {
        borsh::from_slice(bytes).map_err(|e| Fault::new(Code::RecordMalformed, format!("identity of an account: {e}")))
    }

    /// The bytes that state keeps: borsh.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).unwrap_or_default() // writing to memory does not fail
    }

    /// The code hash in the bytes that state keeps, without reading the rest; `None` without code.
    pub fn code_hash_in(bytes: &[u8]) -> Result<Option<[u8; 32]>, Fault> {
        let hash: Option<[u8; 32]> = bytes.get(1..33).and_then(|hash| hash.try_into().ok());
        let hash = hash.ok_or_else(|| Fault::new(Code::RecordMalformed, "an identity is too short"))?;
        Ok((hash != [0; 32]).then_some(hash))
    }

    /// Whether there is code.
    pub fn has_code(&self) -> bool {
        self.code_hash != [0; 32]
    }
}

/// The record of the ABI: borsh, 144 bytes for an account without keys.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Its address.
    pub address: Address,
    /// Unused nonces.
    pub nonces: NonceWindow,
    /// Quanta.
    pub balance: u128,
    /// Blake3 of the code; zeros without code.
    pub code_hash: [u8; 32],
    /// Always zeros: there is one tree for everything.
    pub storage_root: [u8; 32],
    /// What it is.
    pub kind: AccountKind,
    /// Who may sign.
    pub keys: AuthKeys,
    /// Quanta set aside for sponsored calls.
    pub gas_tank: u128,
    /// How often the keys changed.
    pub key_nonce: u32,
}

impl Account {
    /// Puts the record together from its parts in state.
    pub fn new(address: Address, purse: Purse, identity: Identity) -> Account {
        let Identity { kind, code_hash, keys, gas_tank, key_nonce } = identity;
        let Purse { nonces, balance } = purse;
        Account { address, nonces, balance, code_hash, storage_root: [0; 32], kind, keys, gas_tank, key_nonce }
    }

    /// The record's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).unwrap_or_default() // writing to memory does not fail
    }

    /// Reads a record: exactly its bytes, nothing after them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Account, Fault> {
        borsh::from_slice(bytes).map_err(|e| Fault::new(Code::RecordMalformed, format!("account: {e}")))
    }

    /// The JSON form: hashes and addresses as 0x text, amounts as decimal text.
    pub fn to_json(&self) -> serde_json::Value {
        let hex0x = crate::receipt::hex0x;
        let keys = match &self.keys {
            AuthKeys::None => 0,
            AuthKeys::Single(_) => 1,
            AuthKeys::Multi { signers, .. } => signers.len(),
        };
        serde_json::json!({
            "address": hex0x(&self.address),
            "exists": true,
            "kind": self.kind.name(),
            "balance": self.balance.to_string(),
            "nonce": self.nonces.base,
            "code_hash": hex0x(&self.code_hash),
            "keys": keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_record_without_keys_has_144_bytes_in_the_order_of_the_abi() {
        let purse = Purse { nonces: NonceWindow { base: 3, used: 0b10 }, balance: 1 << 100 };
        let identity = Identity { kind: AccountKind::Contract, code_hash: [9; 32], keys: AuthKeys::None, gas_tank: 5, key_nonce: 6 };
        let account = Account::new([7; 32], purse, identity);
        let bytes = account.to_bytes();
        assert_eq!(bytes.len(), 144);
        let mut expected = vec![7; 32];
        expected.extend(3u64.to_le_bytes());
        expected.extend(2u16.to_le_bytes());
        expected.extend((1u128 << 100).to_le_bytes());
        expected.extend([9; 32]);
        expected.extend([0; 32]);
        expected.extend([1, 0]);
        expected.extend(5u128.to_le_bytes());
        expected.extend(6u32.to_le_bytes());
        assert_eq!(bytes, expected);
        assert_eq!(Account::from_bytes(&bytes).unwrap(), account);
        assert!(Account::from_bytes(&bytes[..143]).is_err());
        assert!(Account::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn keys_have_the_bytes_of_the_published_client() {
        // lengths and first bytes computed with pyde-rust-sdk 0.3.2
        let key = |byte| PublicKey(Box::new([byte; PUBLIC_KEY]));
        let bytes = |keys: &AuthKeys| borsh::to_vec(keys).unwrap();
        assert_eq!(bytes(&AuthKeys::None), [0]);
        let single = bytes(&AuthKeys::Single(key(3)));
        assert_eq!((single.len(), &single[..8]), (898, &[1, 3, 3, 3, 3, 3, 3, 3][..]));
        let multi = AuthKeys::Multi { threshold: 2, signers: vec![key(3), key(4)] };
        let encoded = bytes(&multi);
        assert_eq!((encoded.len(), &encoded[..8]), (1800, &[2, 2, 2, 0, 0, 0, 3, 3][..]));
        assert_eq!(borsh::from_slice::<AuthKeys>(&encoded).unwrap(), multi);
        for (at, bad) in [(0, 3), (1, 0), (1, 3), (2, 0), (2, 17)] {
            let mut wrong = encoded.clone();
            wrong[at] = bad;
            assert!(borsh::from_slice::<AuthKeys>(&wrong).is_err(), "byte {at} = {bad}");
        }
    }

    #[test]
    fn the_purse_is_its_borsh_bytes() {
        let purse = Purse { nonces: NonceWindow { base: u64::MAX - 5, used: 0x8002 }, balance: u128::MAX - 1 };
        assert_eq!(purse.to_bytes().to_vec(), borsh::to_vec(&purse).unwrap());
        assert_eq!(Purse::from_bytes(&purse.to_bytes()).unwrap(), purse);
        assert!(Purse::from_bytes(&[0; 25]).is_err());
        assert!(Purse::from_bytes(&[0; 27]).is_err());
    }

    #[test]
    fn the_code_hash_is_read_without_the_rest() {
        let mut identity = Identity { kind: AccountKind::Contract, code_hash: [9; 32], ..Identity::default() };
        assert_eq!(Identity::code_hash_in(&identity.to_bytes()).unwrap(), Some([9; 32]));
        identity.code_hash = [0; 32];
        assert_eq!(Identity::code_hash_in(&identity.to_bytes()).unwrap(), None);
        assert!(Identity::code_hash_in(&[0; 32]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_what_encodes_to_them_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(account) = Account::from_bytes(&bytes) { prop_assert_eq!(account.to_bytes(), bytes.clone()); }
            if let Ok(identity) = Identity::from_bytes(&bytes) { prop_assert_eq!(identity.to_bytes(), bytes.clone()); }
            if let Ok(purse) = Purse::from_bytes(&bytes) { prop_assert_eq!(purse.to_bytes().to_vec(), bytes); }
        }
    }
}
