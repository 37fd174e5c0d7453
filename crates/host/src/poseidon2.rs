//! Poseidon2 over Goldilocks, width 8, with Horizen Labs' matrices, and the sponge over bytes that slots, addresses and
//! transaction hashes use. Bytes are packed in 7-byte little-endian elements, then one element with the length; the sponge absorbs
//! four elements at a time by **overwriting**, and pads nothing: a short last chunk replaces only its own cells.
//!
//! Written here and not taken: the crate that has this permutation (`p3-goldilocks` 0.3 to 0.4.3, removed in 0.5) brings a dozen
//! crates of a proof system. Its outputs are the oracle of the tests.

use crate::goldilocks::{ROOM, add, canonical, mul_add, pow7, reduce96};
use crate::poseidon2_constants::{DIAGONAL, EXTERNAL, INTERNAL};

/// Bytes of one element.
const PACKED: usize = 7;
/// Bytes absorbed by one permutation.
const BLOCK: usize = 4 * PACKED;

/// Poseidon2 of bytes.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Poseidon2::new();
    hasher.update(bytes);
    hasher.finish()
}

/// The sponge, fed in pieces. A clone is a midstate.
#[derive(Clone, Debug)]
pub struct Poseidon2 {
    state: [u64; 8],
    /// Bytes not yet absorbed, fewer than a block.
    pending: [u8; BLOCK],
    filled: usize,
    length: u64,
}

impl Default for Poseidon2 {
    fn default() -> Poseidon2 {
        Poseidon2::new()
    }
}

impl Poseidon2 {
    /// Nothing absorbed.
    pub const fn new() -> Poseidon2 {
        Poseidon2 { state: [0; 8], pending: [0; BLOCK], filled: 0, length: 0 }
    }

    /// Appends bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let free = self.pending.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = bytes.split_at(free.len().min(bytes.len()));
            free.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.filled += now.len();
            bytes = later;
            if self.filled < BLOCK {
                return;
            }
            let block = self.pending;
            self.absorb(&block);
            self.filled = 0;
        }
        // a length element follows whatever is absorbed, so a whole block never is the last chunk
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        blocks.iter().for_each(|block| self.absorb(block));
        self.pending.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.filled = rest.len();
    }

    /// The digest: four elements, little-endian.
    pub fn finish(mut self) -> [u8; 32] {
        if self.length > 0 {
            self.pending.iter_mut().skip(self.filled).for_each(|byte| *byte = 0);
            let elements = self.filled.div_ceil(PACKED);
            if elements == 4 {
                let block = self.pending;
                self.absorb(&block);
                self.state[0] = self.length;
            } else {
                let packed = elements_of(&self.pending);
                self.state.iter_mut().zip(packed.into_iter().take(elements).chain([self.length])).for_each(|(cell, x)| *cell = x);
            }
        } // nothing at all is one element, zero, and no length: the state is that already
        permute(&mut self.state);
        let mut digest = [0; 32];
        digest.as_chunks_mut::<8>().0.iter_mut().zip(self.state).for_each(|(bytes, x)| *bytes = x.to_le_bytes());
        digest
    }

    fn absorb(&mut self, block: &[u8; BLOCK]) {
        self.state.iter_mut().zip(elements_of(block)).for_each(|(cell, x)| *cell = x);
        permute(&mut self.state);
    }
}

/// Four 7-byte little-endian numbers.
#[inline(always)]
fn elements_of(block: &[u8; BLOCK]) -> [u64; 4] {
    let mut elements = [0; 4];
    for (element, packed) in elements.iter_mut().zip(block.as_chunks::<PACKED>().0) {
        let [a, b, c, d, e, f, g] = *packed;
        *element = u64::from_le_bytes([a, b, c, d, e, f, g, 0]);
    }
    elements
}

/// The permutation. Elements in, canonical elements out.
pub fn permute(state: &mut [u64; 8]) {
    let s = state;
    // each linear layer adds the constants of the round that follows it
    external(s, &EXTERNAL[0]);
    for constants in [&EXTERNAL[1], &EXTERNAL[2], &EXTERNAL[3], &[INTERNAL[0], 0, 0, 0, 0, 0, 0, 0]] {
        s.iter_mut().for_each(|x| *x = pow7(*x));
        external(s, constants);
    }
    INTERNAL.iter().skip(1).for_each(|next| internal(s, *next));
    internal(s, EXTERNAL[4][0]);
    s.iter_mut().zip(EXTERNAL[4]).skip(1).for_each(|(x, constant)| *x = add(*x, constant));
    for constants in [&EXTERNAL[5], &EXTERNAL[6], &EXTERNAL[7], &[0; 8]] {
        s.iter_mut().for_each(|x| *x = pow7(*x));
        external(s, constants);
    }
    s.iter_mut().for_each(|x| *x = canonical(*x));
}

/// One internal round on a state whose first element has its constant; `next` is the first element's constant of the round after.
///
/// The row's sum is never reduced: it is below 2^67, and a product with an entry of the diagonal leaves that much room. (Shortening
/// the chain that each round waits for, ((d + 1) x) x^2 . x^4 for (d + 1) x^7, costs three more products and gains nothing.)
#[inline(always)]
fn internal(s: &mut [u64; 8], next: u64) {
    const FIRST: u64 = DIAGONAL[0].wrapping_add(1);
    let others = s[1..].iter().fold(0, |sum: u128, x| sum.wrapping_add(u128::from(*x)));
    let seventh = pow7(s[0]);
    let sum = others.wrapping_add(u128::from(seventh));
    s[0] = mul_add(seventh, FIRST, others.wrapping_add(u128::from(next)));
    for (x, diagonal) in s.iter_mut().zip(DIAGONAL).skip(1) {
        *x = mul_add(*x, diagonal, sum);
    }
}

const _: () = {
    let mut i = 0;
    while i < 8 {
        assert!(DIAGONAL[i] < ROOM); // what `mul_add` asks of its second factor, also of the first entry plus one
        i += 1;
    }
};

/// The external matrix, [2 M, M; M, 2 M] with M = [[5,7,1,3],[4,6,1,1],[1,3,5,7],[1,1,4,6]], plus constants.
///
/// Its rows sum to less than 2^6, so the halves of the elements stay below 2^38 and pass through it without a reduction.
#[inline(always)]
fn external(s: &mut [u64; 8], constants: &[u64; 8]) {
    let low = matrix(s.map(|x| x & 0xffff_ffff));
    let high = matrix(s.map(|x| x >> 32));
    for (((x, low), high), constant) in s.iter_mut().zip(low).zip(high).zip(constants) {
        let sum = (u128::from(high) << 32).wrapping_add(u128::from(low)).wrapping_add(u128::from(*constant));
        *x = reduce96(sum);
    }
}

#[inline(always)]
fn matrix(s: [u64; 8]) -> [u64; 8] {
    let [a, b, c, d, e, f, g, h] = s;
    let (left, right) = (quarter([a, b, c, d]), quarter([e, f, g, h]));
    let mut mixed = [0; 8];
    for i in 0..4 {
        let sum = left[i].wrapping_add(right[i]);
        mixed[i] = left[i].wrapping_add(sum);
        mixed[i + 4] = right[i].wrapping_add(sum);
    }
    mixed
}

/// M by eight additions and four doublings (the paper's appendix).
#[inline(always)]
fn quarter([a, b, c, d]: [u64; 4]) -> [u64; 4] {
    let (ab, cd) = (a.wrapping_add(b), c.wrapping_add(d));
    let (bb, dd) = ((b << 1).wrapping_add(cd), (d << 1).wrapping_add(ab));
    let (fourth, second) = ((cd << 2).wrapping_add(dd), (ab << 2).wrapping_add(bb));
    [dd.wrapping_add(second), second, bb.wrapping_add(fourth), fourth]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However the bytes are cut, and from whichever midstate one goes on, the digest is that of the whole.
        #[test]
        fn pieces_and_midstates_give_the_digest_of_the_whole(bytes: Vec<u8>, cuts: Vec<proptest::sample::Index>) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            let mut hasher = Poseidon2::new();
            let mut from = 0;
            for to in at {
                hasher.update(&bytes[from..to]);
                hasher = hasher.clone();
                from = to;
            }
            hasher.update(&bytes[from..]);
            prop_assert_eq!(hasher.finish(), hash(&bytes));
        }

        /// Inputs that are not reduced stand for their residues.
        #[test]
        fn the_permutation_takes_residues(low in prop::array::uniform8(0u64..0xffff_ffff)) {
            let mut reduced = low;
            let mut raised = low.map(|x| x + crate::goldilocks::P);
            permute(&mut reduced);
            permute(&mut raised);
            prop_assert_eq!(reduced, raised);
        }
    }
}
