//! The three hashes: bytes in, 32 bytes out. The input is hashed before the output is written, so they may overlap.

use crate::charge;
use crate::frame::{Call, arity};
use crate::memory;
use crate::world::World;
use detent_engine::Exit;
use sha3::{Digest, Keccak256};

pub(crate) fn blake3<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    digest(call, args, |input| ::blake3::hash(input).into())
}

pub(crate) fn poseidon2<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    digest(call, args, crate::poseidon2::hash)
}

/// The original padding of Keccak, not that of SHA-3.
pub(crate) fn keccak256<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    digest(call, args, |input| Keccak256::digest(input).into())
}

fn digest<W: World>(call: &mut Call<'_, W>, args: &[u64], hash: fn(&[u8]) -> [u8; 32]) -> Result<u64, Exit> {
    let &[input, length, out] = args else { return Err(arity()) };
    let length = memory::capped(length, call.limits.hash_input, "in_len")?;
    let (input, out) = (memory::pointer(input), memory::pointer(out));
    let memory = call.instance.memory();
    memory::check(memory, input, length)?;
    memory::check(memory, out, 32)?;
    charge::take(call.instance, call.fuel_per_gas, call.price.per_word, charge::words(length))?;
    let memory = call.instance.memory();
    let hash = hash(memory::bytes(memory, input, length)?);
    memory::write(memory, out, &hash)?;
    Ok(0)
}
