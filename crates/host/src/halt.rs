//! `return`, `revert` end the frame; `consume_gas` only burns.

use crate::charge;
use crate::frame::{Call, arity};
use crate::memory;
use crate::world::World;
use detent_engine::Exit;

/// The bytes that `return` or `revert` hand over.
pub(crate) fn data<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<Vec<u8>, Exit> {
    let &[pointer, length] = args else { return Err(arity()) };
    let length = memory::capped(length, call.limits.return_data, "len")?;
    memory::bytes(call.instance.memory(), memory::pointer(pointer), length).map(<[u8]>::to_vec)
}

/// Burns an amount of gas; nothing for zero or less. More than is left is out of gas.
pub(crate) fn consume_gas<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[amount] = args else { return Err(arity()) };
    let amount = u64::try_from(amount as i64).unwrap_or(0);
    charge::take(call.instance, call.fuel_per_gas, 1, amount)?;
    Ok(0)
}
