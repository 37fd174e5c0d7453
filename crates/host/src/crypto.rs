//! `falcon_verify`.

use crate::codes::{self, bits};
use crate::falcon;
use crate::frame::{Call, arity};
use crate::memory;
use crate::world::World;
use detent_engine::Exit;

/// 0 for a valid signature under the context of the ABI; one code for everything else, keys and encodings included.
/// Only lengths above the caps trap. Either of the two encodings that clients use is taken, because contracts are handed
/// what clients sign; a transaction's own signature has one form only (`falcon.rs`).
pub(crate) fn falcon_verify<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[key, message, message_length, signature, signature_length] = args else { return Err(arity()) };
    let message_length = memory::capped(message_length, call.limits.falcon_message, "msg_len")?;
    let signature_length = memory::capped(signature_length, call.limits.falcon_signature, "sig_len")?;
    let memory = call.instance.memory();
    let key: [u8; falcon::PUBLIC_KEY_BYTES] = memory::array(memory, memory::pointer(key))?;
    let message = memory::bytes(memory, memory::pointer(message), message_length)?;
    let signature = memory::bytes(memory, memory::pointer(signature), signature_length)?;
    let valid = falcon::compact(signature).is_some_and(|signature| falcon::verify(&key, message, &signature));
    Ok(if valid { 0 } else { bits(codes::SIGNATURE_INVALID) })
}
