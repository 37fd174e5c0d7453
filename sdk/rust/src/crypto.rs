//! Signatures.

use crate::raw;

/// Whether a Falcon-512 signature under the chain's context is valid. Messages to 65536 bytes; longer ones trap.
pub fn falcon_verify(public_key: &[u8; 897], message: &[u8], signature: &[u8]) -> bool {
    // SAFETY: every pointer comes with the length of live bytes.
    unsafe { raw::falcon_verify(public_key.as_ptr(), message.as_ptr(), message.len(), signature.as_ptr(), signature.len()) == 0 }
}
