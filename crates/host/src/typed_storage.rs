//! The twelve typed storage functions: a field of the running code's state schema and up to three keys instead of a slot.
//!
//! They look the field up, check widths, compute the slot (`slots.rs`) and then do what the raw function does. Their codes say
//! what the schema refused, in this order: no schema, no such field, another number of keys, a key's width, the value's width.

use crate::charge;
use crate::codes::{self, bits};
use crate::frame::{Call, arity, changes_state};
use crate::memory;
use crate::slots;
use crate::storage;
use crate::world::{Slot, World};
use detent_engine::Exit;

/// Field names and keys up to this length cost nothing beyond the base; each started word beyond it costs what Poseidon2 on it
/// does, because the slot is hashed from all of it. No fixed-width key is that long.
pub(crate) const FREE_BYTES: u32 = 64;

/// A range of the contract's memory.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    pointer: u32,
    length: u32,
}

/// Field and keys of a call: lengths first, ranges once the remaining lengths are known to be fine.
struct Place {
    field: Range,
    keys: [Range; 3],
    count: usize,
}

impl Place {
    /// Takes the field and `count` keys off the arguments; what is left comes back.
    fn parse<'a, W>(call: &Call<'_, W>, args: &'a [u64], count: usize) -> Result<(Place, &'a [u64]), Exit> {
        let (&[field, field_length], mut rest) = args.split_first_chunk().ok_or_else(arity)?;
        let field = Range { pointer: memory::pointer(field), length: memory::length(field_length, "field_len")? };
        let mut keys = [Range::default(); 3];
        for key in keys.iter_mut().take(count) {
            let (&[pointer, length], tail) = rest.split_first_chunk().ok_or_else(arity)?;
            *key = Range { pointer: memory::pointer(pointer), length: memory::capped(length, call.limits.storage_value, "key_len")? };
            rest = tail;
        }
        Ok((Place { field, keys, count }, rest))
    }

    fn keys(&self) -> impl Iterator<Item = Range> {
        self.keys.into_iter().take(self.count)
    }

    fn check(&self, memory: &[u8]) -> Result<(), Exit> {
        memory::check(memory, self.field.pointer, self.field.length)?;
        self.keys().try_for_each(|key| memory::check(memory, key.pointer, key.length))
    }

    fn charge<W>(&self, call: &mut Call<'_, W>) -> Result<(), Exit> {
        let beyond = |range: Range| charge::words(range.length.saturating_sub(FREE_BYTES));
        let words = self.keys().fold(beyond(self.field), |sum, key| sum.saturating_add(beyond(key)));
        charge::take(call.instance, call.fuel_per_gas, call.price.per_key_word, words)
    }

    /// The slot, or the code that says why there is none. `value` is the length of a value to be written.
    fn slot<W>(&self, call: &mut Call<'_, W>, value: Option<u32>) -> Result<Result<Slot, i32>, Exit> {
        let Some(schema) = call.context.schema.as_deref() else { return Ok(Err(codes::SCHEMA_MISSING)) };
        let memory: &[u8] = call.instance.memory();
        let name = memory::bytes(memory, self.field.pointer, self.field.length)?;
        let Some(field) = schema.field(name) else { return Ok(Err(codes::UNKNOWN_FIELD)) };
        if field.arity() != self.count {
            return Ok(Err(codes::FIELD_KIND_MISMATCH));
        }
        let mut keys: [&[u8]; 3] = [&[]; 3];
        for (i, (bytes, key)) in keys.iter_mut().zip(self.keys()).enumerate() {
            if field.key_width(i).is_some_and(|width| u32::from(width) != key.length) {
                return Ok(Err(codes::KEY_TYPE_MISMATCH));
            }
            *bytes = memory::bytes(memory, key.pointer, key.length)?;
        }
        if let (Some(width), Some(length)) = (field.value_width(), value)
            && u32::from(width) != length
        {
            return Ok(Err(codes::VALUE_TYPE_MISMATCH));
        }
        // keys not given are empty and add nothing to the preimage
        Ok(Ok(slots::cached(&call.context.self_address, name, keys)))
    }
}

pub(crate) fn load<W: World>(call: &mut Call<'_, W>, args: &[u64], keys: usize) -> Result<u64, Exit> {
    let (place, rest) = Place::parse(call, args, keys)?;
    let &[out, max] = rest else { return Err(arity()) };
    let max = memory::length(max, "out_max")?;
    let out = memory::pointer(out);
    let memory = call.instance.memory();
    place.check(memory)?;
    memory::check(memory, out, max)?;
    place.charge(call)?;
    match place.slot(call, None)? {
        Ok(slot) => storage::read(call, &slot, out, max),
        Err(refusal) => Ok(bits(refusal)),
    }
}

pub(crate) fn store<W: World>(call: &mut Call<'_, W>, args: &[u64], keys: usize) -> Result<u64, Exit> {
    let (place, rest) = Place::parse(call, args, keys)?;
    let &[value, length] = rest else { return Err(arity()) };
    let length = memory::capped(length, call.limits.storage_value, "val_len")?;
    let value = memory::pointer(value);
    let memory = call.instance.memory();
    place.check(memory)?;
    memory::check(memory, value, length)?;
    place.charge(call)?;
    charge::take(call.instance, call.fuel_per_gas, call.price.per_byte, u64::from(length))?;
    changes_state(call)?;
    match place.slot(call, Some(length))? {
        Ok(slot) => storage::write(call, &slot, value, length),
        Err(refusal) => Ok(bits(refusal)),
    }
}

pub(crate) fn delete<W: World>(call: &mut Call<'_, W>, args: &[u64], keys: usize) -> Result<u64, Exit> {
    let (place, rest) = Place::parse(call, args, keys)?;
    if !rest.is_empty() {
        return Err(arity());
    }
    place.check(call.instance.memory())?;
    place.charge(call)?;
    changes_state(call)?;
    match place.slot(call, None)? {
        Ok(slot) => storage::remove(call, &slot),
        Err(refusal) => Ok(bits(refusal)),
    }
}
