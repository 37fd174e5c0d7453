//! `cross_call`, `cross_call_static`, `delegate_call`: decoded and charged here, run by the chain.
//!
//! The callee gets min(limit, what is left after base and bytes), in fuel; a negative limit means all. The caller then pays what
//! the callee used. The length cell is written at the end of every call that comes back: the true length when the callee ran
//! to its end or reverted, 0 on every refusal and trap.

use crate::charge;
use crate::codes::{self, bits};
use crate::frame::{Call, arity};
use crate::memory::{self, Output};
use crate::world::{Address, CallKind, NestedCall, NestedEnded, World};
use detent_engine::Exit;

pub(crate) fn cross_call<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[target, name, name_length, data, data_length, value, gas, out, cell] = args else { return Err(arity()) };
    Request { kind: CallKind::Call, target, name, name_length, data, data_length, value: Some(value), gas, out, cell }.make(call)
}

pub(crate) fn cross_call_static<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[target, name, name_length, data, data_length, gas, out, cell] = args else { return Err(arity()) };
    Request { kind: CallKind::Static, target, name, name_length, data, data_length, value: None, gas, out, cell }.make(call)
}

pub(crate) fn delegate_call<W: World>(call: &mut Call<'_, W>, args: &[u64]) -> Result<u64, Exit> {
    let &[target, name, name_length, data, data_length, gas, out, cell] = args else { return Err(arity()) };
    Request { kind: CallKind::Delegate, target, name, name_length, data, data_length, value: None, gas, out, cell }.make(call)
}

/// The raw arguments of a call by their names.
struct Request {
    kind: CallKind,
    target: u64,
    name: u64,
    name_length: u64,
    data: u64,
    data_length: u64,
    value: Option<u64>,
    gas: u64,
    out: u64,
    cell: u64,
}

impl Request {
    fn make<W: World>(self, call: &mut Call<'_, W>) -> Result<u64, Exit> {
        let name_length = memory::capped(self.name_length, call.limits.name_bytes, "fn_name_len")?;
        let data_length = memory::capped(self.data_length, call.limits.tx_calldata, "calldata_len")?;
        let memory = call.instance.memory();
        let target: Address = memory::array(memory, memory::pointer(self.target))?;
        memory::check(memory, memory::pointer(self.name), name_length)?;
        memory::check(memory, memory::pointer(self.data), data_length)?;
        let value = match self.value {
            Some(value) => u128::from_le_bytes(memory::array(memory, memory::pointer(value))?),
            None => 0,
        };
        let output = Output::open(memory, memory::pointer(self.out), memory::pointer(self.cell))?;
        charge::take(call.instance, call.fuel_per_gas, call.price.per_byte, u64::from(data_length))?;
        if value > 0 && call.context.view {
            return Err(Exit::Trap("the frame is a view and may not move value".into()));
        }
        let memory = call.instance.memory();
        let Ok(function) = std::str::from_utf8(memory::bytes(memory, memory::pointer(self.name), name_length)?) else {
            output.write(memory, &[])?;
            return Ok(bits(codes::INVALID_FUNCTION_NAME));
        };
        let function = function.to_owned();
        let calldata = memory::bytes(memory, memory::pointer(self.data), data_length)?.to_vec();
        let limit = limit(self.gas, call.fuel_per_gas);
        let fuel = limit.min(call.instance.fuel());
        let (rest, pages) = (call.instance.rest(), call.instance.pages());
        let nested = NestedCall { kind: self.kind, target, function, calldata, value, fuel, limit, rest, pages };
        let NestedEnded { code, output: data, used } = call.world.nested(call.context, nested)?;
        charge::take(call.instance, 1, used, 1)?;
        let data = if code == 0 || code == codes::CROSS_CALL_FAILED { data.as_slice() } else { &[] };
        output.write(call.instance.memory(), data)?;
        Ok(bits(code))
    }
}

/// A gas limit as fuel; a negative one is none.
fn limit(gas: u64, fuel_per_gas: u64) -> u64 {
    if (gas as i64) < 0 { u64::MAX } else { charge::to_fuel(gas, fuel_per_gas) }
}

#[cfg(test)]
mod tests {
    use super::limit;

    #[test]
    fn a_negative_limit_and_the_wrappers_all_mean_all() {
        for all in [-1i64, i64::MIN, i64::MAX, 1 << 62] {
            assert!(limit(all as u64, 1000) > i64::MAX as u64, "{all}");
        }
        assert_eq!(limit(0, 1000), 0);
        assert_eq!(limit(7, 1000), 7000);
    }
}
