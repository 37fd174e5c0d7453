//! `balance`, `transfer`: the native balance.

use crate::codes::{self, bits};
use crate::frame::{Call, arity, changes_state};
use crate::memory;
use crate::world::{Address, Moved, World};
use detent_engine::Exit;

pub(crate) fn balance<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[address, out] = args else { return Err(arity()) };
    let out = memory::pointer(out);
    let memory = call.instance.memory();
    let address: Address = memory::array(memory, memory::pointer(address))?;
    memory::check(memory, out, 16)?;
    let balance = call.world.balance(&address).map_err(Exit::Node)?;
    memory::write(call.instance.memory(), out, &balance.to_le_bytes())?;
    Ok(0)
}

/// Moves value from the frame's own account. Never runs code of the recipient. To itself it moves nothing, and still asks
/// for the balance.
pub(crate) fn transfer<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[to, amount] = args else { return Err(arity()) };
    let memory = call.instance.memory();
    let to: Address = memory::array(memory, memory::pointer(to))?;
    let amount = u128::from_le_bytes(memory::array(memory, memory::pointer(amount))?);
    changes_state(call)?;
    let from = &call.context.self_address;
    if to == *from {
        let enough = call.world.balance(from).map_err(Exit::Node)? >= amount;
        return Ok(if enough { 0 } else { bits(codes::INSUFFICIENT_BALANCE) });
    }
    match call.world.transfer(from, &to, amount).map_err(Exit::Node)? {
        Moved::Done => Ok(0),
        Moved::Insufficient => Ok(bits(codes::INSUFFICIENT_BALANCE)),
        Moved::Overflow => Err(Exit::Trap("the recipient's balance would exceed 128 bits".into())),
    }
}
