//! `emit_event`.

use crate::charge;
use crate::codes::{self, bits};
use crate::frame::{Call, arity, changes_state};
use crate::memory;
use crate::world::World;
use detent_engine::Exit;

/// One to four topics of 32 bytes, and data. Another count, or too much data, is a code and not a trap.
pub(crate) fn emit<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[topics, count, data, length] = args else { return Err(arity()) };
    let length = memory::length(length, "data_len")?;
    let count = count as u32;
    if count == 0 || count > call.limits.topics || length > call.limits.event_data {
        return Ok(bits(codes::INVALID_INPUT));
    }
    let (topics, data) = (memory::pointer(topics), memory::pointer(data));
    let memory = call.instance.memory();
    memory::check(memory, topics, count * 32)?; // count is at most the limit
    memory::check(memory, data, length)?;
    charge::take(call.instance, call.fuel_per_gas, call.price.per_topic, u64::from(count))?;
    charge::take(call.instance, call.fuel_per_gas, call.price.per_byte, u64::from(length))?;
    changes_state(call)?;
    let memory = call.instance.memory();
    let (topics, _) = memory::bytes(memory, topics, count * 32)?.as_chunks();
    let data = memory::bytes(memory, data, length)?;
    call.world.emit(&call.context.self_address, topics.to_vec(), data.to_vec());
    Ok(0)
}
