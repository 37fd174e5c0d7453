//! `sload`, `sstore`, `sdelete`: byte strings under 32-byte slots of the frame's own account.

use crate::charge;
use crate::codes::{self, bits};
use crate::frame::{Call, arity, changes_state};
use crate::memory;
use crate::world::{Slot, World};
use detent_engine::Exit;

pub(crate) fn load<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[slot, out, max] = args else { return Err(arity()) };
    let max = memory::length(max, "out_max")?;
    let out = memory::pointer(out);
    let memory = call.instance.memory();
    let slot: Slot = memory::array(memory, memory::pointer(slot))?;
    memory::check(memory, out, max)?;
    read(call, &slot, out, max)
}

pub(crate) fn store<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[slot, value, length] = args else { return Err(arity()) };
    let length = memory::capped(length, call.limits.storage_value, "val_len")?;
    let value = memory::pointer(value);
    let memory = call.instance.memory();
    let slot: Slot = memory::array(memory, memory::pointer(slot))?;
    memory::check(memory, value, length)?;
    charge::take(call.instance, call.fuel_per_gas, call.price.per_byte, u64::from(length))?;
    changes_state(call)?;
    write(call, &slot, value, length)
}

pub(crate) fn delete<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[slot] = args else { return Err(arity()) };
    let slot: Slot = memory::array(call.instance.memory(), memory::pointer(slot))?;
    changes_state(call)?;
    remove(call, &slot)
}

/// Copies the value at `slot` to a checked buffer; charges the bytes copied before it copies them.
pub(crate) fn read<W: World>(call: &mut Call<'_, W>, slot: &Slot, out: u32, max: u32) -> Result<u64, Exit> {
    let Some(value) = call.world.load(&call.context.self_address, slot).map_err(Exit::Node)? else {
        return Ok(bits(codes::INVALID_INPUT)); // never written, or deleted: another thing than empty
    };
    let copied = value.get(..max as usize).unwrap_or(value);
    charge::take(call.instance, call.fuel_per_gas, call.price.per_byte, copied.len() as u64)?;
    memory::write(call.instance.memory(), out, copied)?;
    Ok(value.len() as u64)
}

/// Stores the bytes of a checked range.
pub(crate) fn write<W: World>(call: &mut Call<'_, W>, slot: &Slot, value: u32, length: u32) -> Result<u64, Exit> {
    let value = memory::bytes(call.instance.memory(), value, length)?;
    call.world.store(&call.context.self_address, slot, Some(value)).map_err(Exit::Node)?;
    Ok(0)
}

/// Deletes; nothing there is nothing wrong.
pub(crate) fn remove<W: World>(call: &mut Call<'_, W>, slot: &Slot) -> Result<u64, Exit> {
    call.world.store(&call.context.self_address, slot, None).map_err(Exit::Node)?;
    Ok(0)
}
