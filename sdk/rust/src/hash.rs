//! Hashes, computed by the host.

use crate::raw;

macro_rules! hashes {
    ($($(#[doc = $doc:literal])* $name:ident = $host:ident;)*) => {$(
        $(#[doc = $doc])*
        pub fn $name(input: &[u8]) -> [u8; 32] {
            let mut out = [0; 32];
            // SAFETY: live bytes with their length in, 32 out.
            unsafe { raw::$host(input.as_ptr(), input.len(), out.as_mut_ptr()) };
            out
        }
    )*};
}

hashes! {
    /// Blake3.
    blake3 = hash_blake3;
    /// Keccak-256, with the padding of Ethereum.
    keccak256 = hash_keccak256;
    /// Poseidon2 over Goldilocks: addresses and storage slots.
    poseidon2 = hash_poseidon2;
}
