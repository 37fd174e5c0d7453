//! Where a typed field lives: slot = Poseidon2(self address | field name | key 1 | key 2 | key 3), no separators.
//!
//! A slot costs two or three permutations, and contracts ask for the same one again and again (read, then write back). So each
//! thread remembers the last slots it computed, by their whole preimage, and the permutation over the account's first 28
//! bytes, which all slots of a frame share (a field name shorter than 24 bytes ends in the second block, so a midstate per field
//! would save nothing more). Both are bounded, and both are memory of a pure function: no result depends on them.

use crate::poseidon2::Poseidon2;
use crate::world::{Address, Slot};
use std::cell::RefCell;

/// The slot of a field: `keys` as their encoded bytes, in order.
pub fn slot(address: &Address, field: &[u8], keys: &[&[u8]]) -> Slot {
    let mut hasher = Poseidon2::new();
    hasher.update(address);
    hasher.update(field);
    keys.iter().for_each(|key| hasher.update(key));
    hasher.finish()
}

/// [`slot`], remembered.
pub(crate) fn cached(address: &Address, field: &[u8], keys: [&[u8]; 3]) -> Slot {
    thread_local!(static HASHER: RefCell<SlotHasher> = const { RefCell::new(SlotHasher::new()) });
    // nothing inside borrows it a second time, and a thread that is ending does without
    let remembered = HASHER.try_with(|hasher| hasher.try_borrow_mut().ok().map(|mut hasher| hasher.slot(address, field, keys)));
    remembered.ok().flatten().unwrap_or_else(|| slot(address, field, &keys))
}

/// How many slots are remembered; a power of two.
const ENTRIES: usize = 256;
/// Longest preimage remembered.
const PREIMAGE: usize = 160;

/// A slot and what it was computed from.
#[derive(Clone)]
struct Entry {
    /// Length of the preimage; 0 in an unused entry (an address is in every preimage).
    length: usize,
    preimage: [u8; PREIMAGE],
    slot: Slot,
}

/// Remembers slots. Bounded: a new one replaces the one in its place.
struct SlotHasher {
    /// The address last seen, absorbed.
    midstate: Option<(Address, Poseidon2)>,
    /// Allocated at first use.
    entries: Vec<Entry>,
}

impl SlotHasher {
    const fn new() -> SlotHasher {
        SlotHasher { midstate: None, entries: Vec::new() }
    }

    fn slot(&mut self, address: &Address, field: &[u8], keys: [&[u8]; 3]) -> Slot {
        let mut preimage = [0u8; PREIMAGE];
        let Some(length) = concatenate(&mut preimage, [address, field, keys[0], keys[1], keys[2]]) else {
            return self.compute(address, field, keys);
        };
        if self.entries.is_empty() {
            self.entries = vec![Entry { length: 0, preimage: [0; PREIMAGE], slot: [0; 32] }; ENTRIES];
        }
        let place = place(&preimage, length);
        if let Some(entry) = self.entries.get(place)
            && entry.length == length
            && entry.preimage == preimage
        {
            return entry.slot;
        }
        let slot = self.compute(address, field, keys);
        if let Some(entry) = self.entries.get_mut(place) {
            *entry = Entry { length, preimage, slot };
        }
        slot
    }

    fn compute(&mut self, address: &Address, field: &[u8], keys: [&[u8]; 3]) -> Slot {
        let mut hasher = match &self.midstate {
            Some((seen, midstate)) if seen == address => midstate.clone(),
            _ => {
                let mut midstate = Poseidon2::new();
                midstate.update(address);
                self.midstate = Some((*address, midstate.clone()));
                midstate
            }
        };
        hasher.update(field);
        keys.iter().for_each(|key| hasher.update(key));
        hasher.finish()
    }
}

/// Writes the parts one after the other; `None` when they do not fit.
fn concatenate(buffer: &mut [u8; PREIMAGE], parts: [&[u8]; 5]) -> Option<usize> {
    let mut at = 0;
    for part in parts {
        let end = at + part.len(); // a part is at most a contract's memory
        buffer.get_mut(at..end)?.copy_from_slice(part);
        at = end;
    }
    Some(at)
}

/// Which entry a preimage goes to. Bytes beyond `length` are zero.
fn place(preimage: &[u8; PREIMAGE], length: usize) -> usize {
    let (words, _) = preimage.as_chunks::<8>();
    let mix = |h: u64, word: &[u8; 8]| (h ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let mixed = words.iter().take(length.div_ceil(8)).fold(length as u64, mix);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize & (ENTRIES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is remembered never shows: any sequence of questions has the answers of the plain function.
        #[test]
        fn the_memory_never_changes_a_slot(
            asked in proptest::collection::vec((0u8..3, 0usize..4, 0usize..40, 0usize..70, any::<u8>()), 1..200)
        ) {
            let mut hasher = SlotHasher::new();
            for (who, count, field, key, fill) in asked {
                let address = [who; 32];
                let (field, key) = (vec![b'f'; field], vec![fill & 3; key]);
                let keys = [count > 0, count > 1, count > 2].map(|given| if given { key.as_slice() } else { &[] });
                prop_assert_eq!(hasher.slot(&address, &field, keys), slot(&address, &field, &keys));
                prop_assert_eq!(cached(&address, &field, keys), slot(&address, &field, &keys));
            }
            prop_assert!(hasher.entries.len() <= ENTRIES);
        }
    }

    /// `as` two preimages that differ only in trailing zero bytes share the buffer's bytes: the length tells them apart.
    #[test]
    fn trailing_zeros_are_told_apart() {
        let mut hasher = SlotHasher::new();
        let one = hasher.slot(&[1; 32], b"f", [&[0], &[], &[]]);
        let two = hasher.slot(&[1; 32], b"f", [&[0, 0], &[], &[]]);
        assert_ne!(one, two);
        assert_eq!(two, slot(&[1; 32], b"f", &[&[0, 0]]));
    }
}
