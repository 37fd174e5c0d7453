//! Transactions: fields, bytes, hash, signature. Byte for byte those of the published clients.

use crate::account::AuthKeys;
use borsh::{BorshDeserialize, BorshSerialize};
use detent_host::{Address, falcon, poseidon2};
use detent_protocol::{Code, Fault, HostTable};
use std::borrow::Cow;

/// What a transaction does. Type 2 is vacant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[allow(missing_docs)] // the ABI's names; the ones that do something here are documented
pub enum TxKind {
    /// Moves value, or calls a contract.
    Standard = 0,
    /// Creates a contract.
    Deploy = 1,
    StakeDeposit = 3,
    StakeWithdraw = 4,
    Slash = 5,
    ClaimReward = 6,
    ClaimAirdrop = 7,
    SweepAirdrop = 8,
    MultisigTx = 9,
    RotateMultisig = 10,
    EmergencyPause = 11,
    EmergencyResume = 12,
    /// Gives a funded account its first key.
    RegisterPubkey = 13,
    Unjail = 14,
    RotateValidatorKeys = 15,
    DisputeSlash = 16,
    Commit = 17,
    Reveal = 18,
    /// Ours, on development chains only: creates value, and registers a key if the data are one.
    Endow = 0xf0,
}

/// Who pays.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FeePayer {
    /// The sender.
    #[default]
    Sender = 0,
    /// The called contract's gas tank. Decodes, and is not admitted yet.
    GasTank = 1,
    /// A named account. Decodes, and is not admitted yet.
    Paymaster(Address) = 2,
}

/// What a transaction says it will touch: a hint, never enforced.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccessEntry {
    /// Whose state.
    pub address: Address,
    /// Which slots.
    pub storage_keys: Vec<[u8; 32]>,
    /// How.
    pub access: Access,
}

/// How a slot is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Access {
    /// Only read.
    Read = 0,
    /// Perhaps written.
    ReadWrite = 1,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// The sender.
    pub from: Address,
    /// The recipient; zero for deployments and registrations.
    pub to: Address,
    /// Quanta to move.
    pub value: u128,
    /// A call's envelope, a deployment, a key; by kind.
    pub data: Vec<u8>,
    /// Gas that the sender pays for at most.
    pub gas_limit: u64,
    /// One of the sender's sixteen open nonces.
    pub nonce: u64,
    /// Falcon-512 over [`Transaction::hash`].
    pub signature: Vec<u8>,
    /// Who pays.
    pub fee_payer: FeePayer,
    /// Hints for the scheduler.
    pub access_list: Vec<AccessEntry>,
    /// Last block height that may hold it.
    pub deadline: Option<u64>,
    /// Which chain.
    pub chain_id: u64,
    /// What it does.
    pub kind: TxKind,
}

impl Transaction {
    /// An unsigned Standard transaction with the usual defaults: no access list, no deadline, the sender pays.
    pub fn standard(from: Address, to: Address, value: u128, data: Vec<u8>, gas_limit: u64, nonce: u64, chain_id: u64) -> Transaction {
        let (signature, fee_payer, access_list) = (Vec::new(), FeePayer::Sender, Vec::new());
        let kind = TxKind::Standard;
        Transaction { from, to, value, data, gas_limit, nonce, signature, fee_payer, access_list, deadline: None, chain_id, kind }
    }

    /// Reads a transaction: exactly its bytes, within the limits of size.
    ///
    /// `tx_too_large` when it exceeds `limits.tx_size` (before anything is decoded), `limits.tx_calldata` (deployments, whose code
    /// travels in the data, only the former), or `limits.falcon_signature`; `tx_malformed` for everything else.
    pub fn decode(bytes: &[u8]) -> Result<Transaction, Fault> {
        let cap = HostTable::current().limits.tx_size as usize;
        if bytes.len() > cap {
            return Err(Fault::new(Code::TxTooLarge, format!("a transaction of {} bytes exceeds {cap}", bytes.len())));
        }
        let tx: Transaction = borsh::from_slice(bytes).map_err(|e| Fault::new(Code::TxMalformed, e.to_string()))?;
        tx.check_size()?;
        Ok(tx)
    }

    /// The limits of size, for a transaction that did not come through [`Transaction::decode`]. Fault `tx_too_large`.
    pub fn check_size(&self) -> Result<(), Fault> {
        let limits = &HostTable::current().limits;
        let within = |what: &str, size: usize, cap: u32| match size {
            size if size <= cap as usize => Ok(()),
            size => Err(Fault::new(Code::TxTooLarge, format!("{what} of {size} bytes exceeds {cap}"))),
        };
        within("a transaction", self.encoded_len(), limits.tx_size)?;
        within("a signature", self.signature.len(), limits.falcon_signature)?;
        match self.kind {
            TxKind::Deploy => Ok(()),
            _ => within("data", self.data.len(), limits.tx_calldata),
        }
    }

    /// Length of [`Transaction::encode`].
    pub fn encoded_len(&self) -> usize {
        const FIXED: usize = 32 + 32 + 16 + 4 + 8 + 8 + 4 + 1 + 4 + 1 + 8 + 1;
        let payer = if matches!(self.fee_payer, FeePayer::Paymaster(_)) { 32 } else { 0 };
        let access: usize = self.access_list.iter().map(|entry| 37 + 32 * entry.storage_keys.len()).sum();
        FIXED + self.data.len() + self.signature.len() + payer + access + self.deadline.map_or(0, |_| 8)
    }

    /// Reads a transaction as clients send it: as [`Transaction::decode`], and a signature in the published client's constant-time
    /// form becomes the compact form, the only one that a block may hold. The hash does not cover the signature.
    pub fn from_wire(bytes: &[u8]) -> Result<Transaction, Fault> {
        let mut tx = Transaction::decode(bytes)?;
        if let Some(Cow::Owned(compact)) = falcon::compact(&tx.signature) {
            tx.signature = compact;
        }
        Ok(tx)
    }

    /// The transaction's bytes.
    pub fn encode(&self) -> Vec<u8> {
        borsh::to_vec(self).unwrap_or_default() // writing to memory does not fail
    }

    /// What is signed, and the transaction's name: Poseidon2 over all fields but the signature, `data` and access list hashed first.
    pub fn hash(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(211);
        bytes.extend_from_slice(&self.chain_id.to_le_bytes());
        bytes.extend_from_slice(&self.from);
        bytes.extend_from_slice(&self.to);
        bytes.extend_from_slice(&self.value.to_le_bytes());
        bytes.extend_from_slice(&poseidon2::hash(&self.data));
        bytes.extend_from_slice(&self.gas_limit.to_le_bytes());
        bytes.extend_from_slice(&self.nonce.to_le_bytes());
        match &self.fee_payer {
            FeePayer::Sender => bytes.push(0),
            FeePayer::GasTank => bytes.push(1),
            FeePayer::Paymaster(address) => {
                bytes.push(2);
                bytes.extend_from_slice(address);
            }
        }
        bytes.extend_from_slice(&poseidon2::hash(&borsh::to_vec(&self.access_list).unwrap_or_default()));
        match self.deadline {
            None => bytes.push(0),
            Some(height) => {
                bytes.push(1);
                bytes.extend_from_slice(&height.to_le_bytes());
            }
        }
        bytes.push(self.kind as u8);
        poseidon2::hash(&bytes)
    }

    /// Signs with a key; the fields must not change afterwards. `entropy` is fresh randomness (a fixed value in tests).
    pub fn sign(&mut self, key: &falcon::SecretKey, entropy: &[u8; 32]) {
        self.signature = key.sign(&self.hash(), entropy);
    }

    /// Checks the signature over `hash` under an account's registered keys.
    ///
    /// `keys_unregistered` without keys, `signature_invalid` otherwise. Accounts of several signers cannot send yet: the layout
    /// of their signatures is not published (`tx_kind_unsupported`).
    pub fn verify(&self, hash: &[u8; 32], keys: &AuthKeys) -> Result<(), Fault> {
        match keys {
            AuthKeys::None => Err(Fault::new(Code::KeysUnregistered, format!("0x{}", hex::encode(self.from)))),
            AuthKeys::Single(key) if falcon::verify(&key.0[..], hash, &self.signature) => Ok(()),
            AuthKeys::Single(_) => Err(Fault::new(Code::SignatureInvalid, format!("of 0x{}", hex::encode(self.from)))),
            AuthKeys::Multi { .. } => Err(Fault::new(Code::TxKindUnsupported, "accounts of several signers cannot send yet")),
        }
    }
}
