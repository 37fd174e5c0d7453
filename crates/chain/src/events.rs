//! Events: the record, the root over a block's records, and the bloom filter over emitters and topics.

use borsh::{BorshDeserialize, BorshSerialize};
use detent_host::Address;

/// An event as the contract emitted it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    /// `self_address` of the emitting frame.
    pub emitter: Address,
    /// One to four topics.
    pub topics: Vec<[u8; 32]>,
    /// The payload.
    pub data: Vec<u8>,
}

/// An event with its place in the chain; its borsh bytes are what the events root commits to.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EventRecord {
    /// Block height.
    pub wave_id: u64,
    /// Position of the transaction in the block.
    pub tx_index: u32,
    /// Position among the transaction's surviving events.
    pub event_index: u32,
    /// `self_address` of the emitting frame.
    pub emitter: Address,
    /// One to four topics.
    pub topics: Vec<[u8; 32]>,
    /// The payload.
    pub data: Vec<u8>,
}

/// The leaf of an event: Blake3 of the borsh bytes of its [`EventRecord`]. `scratch` is reused between calls.
pub fn leaf(wave_id: u64, tx_index: u32, event_index: u32, event: &Event, scratch: &mut Vec<u8>) -> [u8; 32] {
    scratch.clear();
    scratch.extend_from_slice(&wave_id.to_le_bytes());
    scratch.extend_from_slice(&tx_index.to_le_bytes());
    scratch.extend_from_slice(&event_index.to_le_bytes());
    scratch.extend_from_slice(&event.emitter);
    // host limits keep both lengths far below 2^32
    scratch.extend_from_slice(&(event.topics.len() as u32).to_le_bytes());
    for topic in &event.topics {
        scratch.extend_from_slice(topic);
    }
    scratch.extend_from_slice(&(event.data.len() as u32).to_le_bytes());
    scratch.extend_from_slice(&event.data);
    *blake3::hash(scratch).as_bytes()
}

/// A 2048-bit bloom filter: bit b is bit `b % 8` of byte `b / 8`.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bloom(pub [u8; 256]);

impl Default for Bloom {
    fn default() -> Bloom {
        Bloom([0; 256])
    }
}

impl std::fmt::Debug for Bloom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bloom({} bits)", self.0.iter().map(|b| b.count_ones()).sum::<u32>())
    }
}

/// The three bits of an item: 64-bit little-endian words 0, 1, 2 of its Blake3, modulo 2048.
fn bits(item: &[u8; 32]) -> [usize; 3] {
    let hash = blake3::hash(item);
    let bytes = hash.as_bytes();
    [0, 8, 16].map(|at| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]) % 2048))
}

impl Bloom {
    /// Adds an emitter or a topic.
    pub fn insert(&mut self, item: &[u8; 32]) {
        for bit in bits(item) {
            self.0[bit / 8] |= 1 << (bit % 8);
        }
    }

    /// False only if the item was never inserted.
    pub fn may_contain(&self, item: &[u8; 32]) -> bool {
        bits(item).iter().all(|bit| self.0[bit / 8] >> (bit % 8) & 1 == 1)
    }

    /// Adds all items of an event.
    pub fn add(&mut self, event: &Event) {
        self.insert(&event.emitter);
        for topic in &event.topics {
            self.insert(topic);
        }
    }

    /// Adds everything of another filter.
    pub fn merge(&mut self, other: &Bloom) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event { emitter: [7; 32], topics: vec![[1; 32], [2; 32]], data: vec![9, 8, 7] }
    }

    #[test]
    fn the_leaf_is_the_hash_of_the_borsh_record() {
        let e = event();
        let record =
            EventRecord { wave_id: 5, tx_index: 3, event_index: 2, emitter: e.emitter, topics: e.topics.clone(), data: e.data.clone() };
        let expected = *blake3::hash(&borsh::to_vec(&record).unwrap()).as_bytes();
        assert_eq!(leaf(5, 3, 2, &e, &mut vec![1, 2, 3]), expected);
    }

    #[test]
    fn the_bloom_has_no_false_negative_and_follows_the_bit_rule() {
        let mut bloom = Bloom::default();
        assert!(!bloom.may_contain(&[7; 32]));
        bloom.add(&event());
        for item in [[7; 32], [1; 32], [2; 32]] {
            assert!(bloom.may_contain(&item));
        }
        let mut one = Bloom::default();
        one.insert(&[7; 32]);
        let h = blake3::hash(&[7; 32]);
        for word in 0..3 {
            let value = u64::from_le_bytes(h.as_bytes()[word * 8..word * 8 + 8].try_into().unwrap());
            let bit = (value % 2048) as usize;
            assert_ne!(one.0[bit / 8] & 1 << (bit % 8), 0, "word {word}");
        }
        let mut merged = Bloom::default();
        merged.merge(&bloom);
        assert_eq!(merged, bloom);
    }
}
