//! Blake3 of up to one chunk (1024 bytes) at compile time, for the topics of events.
//!
//! Written here because the `blake3` crate cannot run in constants; at run time use [`crate::hash::blake3`], which is a host call.

const IV: [u32; 8] = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19];
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const ROOT: u32 = 8;

const fn mix(s: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize, x: u32, y: u32) {
    s[a] = s[a].wrapping_add(s[b]).wrapping_add(x);
    s[d] = (s[d] ^ s[a]).rotate_right(16);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_right(12);
    s[a] = s[a].wrapping_add(s[b]).wrapping_add(y);
    s[d] = (s[d] ^ s[a]).rotate_right(8);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_right(7);
}

/// The chaining value after one block of chunk 0.
const fn compress(chain: &[u32; 8], mut m: [u32; 16], length: u32, flags: u32) -> [u32; 8] {
    let mut s = [0u32; 16];
    let mut i = 0;
    while i < 8 {
        s[i] = chain[i];
        i += 1;
    }
    (s[8], s[9], s[10], s[11]) = (IV[0], IV[1], IV[2], IV[3]);
    (s[14], s[15]) = (length, flags);
    let mut round = 0;
    while round < 7 {
        mix(&mut s, 0, 4, 8, 12, m[0], m[1]);
        mix(&mut s, 1, 5, 9, 13, m[2], m[3]);
        mix(&mut s, 2, 6, 10, 14, m[4], m[5]);
        mix(&mut s, 3, 7, 11, 15, m[6], m[7]);
        mix(&mut s, 0, 5, 10, 15, m[8], m[9]);
        mix(&mut s, 1, 6, 11, 12, m[10], m[11]);
        mix(&mut s, 2, 7, 8, 13, m[12], m[13]);
        mix(&mut s, 3, 4, 9, 14, m[14], m[15]);
        let old = m;
        let mut i = 0;
        while i < 16 {
            m[i] = old[PERMUTATION[i]];
            i += 1;
        }
        round += 1;
    }
    let mut out = [0; 8];
    let mut i = 0;
    while i < 8 {
        out[i] = s[i] ^ s[i + 8];
        i += 1;
    }
    out
}

/// Blake3 of at most 1024 bytes; longer input fails to compile in a constant.
pub const fn blake3(input: &[u8]) -> [u8; 32] {
    assert!(input.len() <= 1024, "one chunk");
    let mut chain = IV;
    let mut at = 0;
    loop {
        let left = input.len() - at;
        let (length, last) = if left > 64 { (64, false) } else { (left, true) };
        let mut words = [0u32; 16];
        let mut i = 0;
        while i < length {
            words[i / 4] |= (input[at + i] as u32) << (8 * (i % 4));
            i += 1;
        }
        let flags = (if at == 0 { CHUNK_START } else { 0 }) | (if last { CHUNK_END | ROOT } else { 0 });
        chain = compress(&chain, words, length as u32, flags);
        if last {
            break;
        }
        at += 64;
    }
    let mut out = [0; 32];
    let mut i = 0;
    while i < 32 {
        out[i] = (chain[i / 4] >> (8 * (i % 4))) as u8;
        i += 1;
    }
    out
}
