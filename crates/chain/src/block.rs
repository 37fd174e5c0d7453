//! Blocks: the header that everything is committed to by, and the list of transactions.

use crate::events::Bloom;
use crate::receipt::hex0x;
use crate::transaction::Transaction;
use borsh::{BorshDeserialize, BorshSerialize};
use detent_protocol::{Code, Fault};
use serde_json::{Value, json};

/// Version of the stored form of blocks.
pub const VERSION: u8 = 1;

/// What a block commits to. The block's hash is Blake3 of its borsh bytes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// 0 for the genesis.
    pub height: u64,
    /// Hash of the block before; for block 0 the hash of the genesis.
    pub parent: [u8; 32],
    /// Seconds since 1970, never below the parent's.
    pub timestamp: u64,
    /// The public random value that contracts read.
    pub beacon: [u8; 32],
    /// Root of the state after this block.
    pub state_root: [u8; 32],
    /// Root over Blake3 of each receipt's bytes.
    pub receipts_root: [u8; 32],
    /// Root over the surviving events.
    pub events_root: [u8; 32],
    /// Filter over their emitters and topics.
    pub bloom: Bloom,
    /// Root over Blake3 of each transaction's bytes, signature included.
    pub tx_root: [u8; 32],
    /// Sum over the receipts.
    pub gas_used: u64,
    /// Quanta per gas in this block.
    pub base_fee: u128,
}

impl Header {
    /// The block's hash.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&borsh::to_vec(self).unwrap_or_default()).as_bytes() // writing to memory does not fail
    }
}

/// A block as it is stored and replayed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The commitments.
    pub header: Header,
    /// What was executed, in order.
    pub transactions: Vec<Transaction>,
}

impl Block {
    /// The block's hash.
    pub fn hash(&self) -> [u8; 32] {
        self.header.hash()
    }

    /// The stored form: a version byte, then borsh.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.push(VERSION);
        let _ = self.serialize(&mut out); // writing to memory does not fail
        out
    }

    /// Reads the stored form: exactly its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Block, Fault> {
        let malformed = |why: String| Fault::new(Code::RecordMalformed, format!("block: {why}"));
        match bytes.split_first() {
            Some((&VERSION, rest)) => borsh::from_slice(rest).map_err(|e| malformed(e.to_string())),
            Some((version, _)) => Err(malformed(format!("version {version} is not {VERSION}"))),
            None => Err(malformed("no bytes".into())),
        }
    }

    /// The JSON form: numbers as 0x strings.
    pub fn to_json(&self) -> Value {
        let h = &self.header;
        let number = |n: u128| format!("{n:#x}");
        json!({
            "height": number(h.height.into()),
            "hash": hex0x(&self.hash()),
            "parent": hex0x(&h.parent),
            "timestamp": number(h.timestamp.into()),
            "beacon": hex0x(&h.beacon),
            "state_root": hex0x(&h.state_root),
            "receipts_root": hex0x(&h.receipts_root),
            "events_root": hex0x(&h.events_root),
            "bloom": hex0x(&h.bloom.0),
            "tx_root": hex0x(&h.tx_root),
            "gas_used": number(h.gas_used.into()),
            "base_fee": number(h.base_fee),
            "transactions": self.transactions.iter().map(|t| hex0x(&t.hash())).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block() -> Block {
        let header = Header {
            height: 9,
            parent: [1; 32],
            timestamp: 77,
            beacon: [2; 32],
            state_root: [3; 32],
            receipts_root: [4; 32],
            events_root: [5; 32],
            bloom: Bloom::default(),
            tx_root: [6; 32],
            gas_used: 21000,
            base_fee: 100,
        };
        Block { header, transactions: vec![Transaction::standard([7; 32], [8; 32], 9, vec![10], 21000, 1, 31337)] }
    }

    #[test]
    fn the_hash_covers_every_field_of_the_header() {
        let plain = block().header;
        let mut seen = std::collections::BTreeSet::from([plain.hash()]);
        let mut change = |f: fn(&mut Header)| {
            let mut h = plain.clone();
            f(&mut h);
            assert!(seen.insert(h.hash()));
        };
        change(|h| h.height += 1);
        change(|h| h.parent[0] ^= 1);
        change(|h| h.timestamp += 1);
        change(|h| h.beacon[0] ^= 1);
        change(|h| h.state_root[0] ^= 1);
        change(|h| h.receipts_root[0] ^= 1);
        change(|h| h.events_root[0] ^= 1);
        change(|h| h.bloom.0[0] ^= 1);
        change(|h| h.tx_root[0] ^= 1);
        change(|h| h.gas_used += 1);
        change(|h| h.base_fee += 1);
    }

    #[test]
    fn the_stored_form_round_trips() {
        let b = block();
        let bytes = b.to_bytes();
        assert_eq!(Block::from_bytes(&bytes).unwrap(), b);
        assert!(Block::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Block::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Block::from_bytes(&[&[VERSION + 1], &bytes[1..]].concat()).is_err());
        assert_eq!(b.to_json()["height"], "0x9");
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..900), at in 0usize..700, byte in any::<u8>()) {
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            let _ = Block::from_bytes(&bytes);
            let mut good = block().to_bytes();
            if let Some(b) = good.get_mut(at) { *b = byte; }
            if let Ok(b) = Block::from_bytes(&good) { prop_assert_eq!(b.to_bytes(), good); }
        }
    }
}
