//! What a frame knows of itself, its transaction and its block.

use crate::charge;
use crate::frame::{Call, arity};
use crate::memory::{self, Output};
use crate::world::World;
use detent_engine::Exit;

/// `caller`, `origin`, `self_address`, `tx_hash`, `beacon_get`: 32 bytes to a pointer.
pub(crate) fn bytes32<W: World>(call: &mut Call<'_, W>, args: &[u64], value: impl FnOnce(&Call<'_, W>) -> [u8; 32]) -> Result<u64, Exit> {
    let &[out] = args else { return Err(arity()) };
    let value = value(call);
    memory::write(call.instance.memory(), memory::pointer(out), &value)?;
    Ok(0)
}

pub(crate) fn tx_value<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[out] = args else { return Err(arity()) };
    memory::write(call.instance.memory(), memory::pointer(out), &call.context.value.to_le_bytes())?;
    Ok(0)
}

/// Gas left after this call's own charge, rounded down.
pub(crate) fn gas_remaining<W: World>(call: &mut Call<'_, W>) -> u64 {
    charge::to_gas(call.instance.fuel(), call.fuel_per_gas)
}

pub(crate) fn calldata_copy<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[out, cell] = args else { return Err(arity()) };
    let calldata = call.context.calldata.as_slice();
    let output = Output::open(call.instance.memory(), memory::pointer(out), memory::pointer(cell))?;
    charge::take(call.instance, call.fuel_per_gas, call.price.per_byte, output.copied(calldata.len()) as u64)?;
    output.write(call.instance.memory(), calldata)?;
    Ok(0)
}
