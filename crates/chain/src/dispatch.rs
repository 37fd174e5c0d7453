//! Which function a call runs, and whether it may: the order of checks of the ABI.

use crate::code::Contract;
use crate::world::Running;
use detent_gate::abi::Attributes;
use detent_host::{Address, CallKind, codes};

/// The function that a name selects: the exact name; else the fallback; else, when name and calldata are empty and value comes
/// along, the receive function; else -13.
pub(crate) fn select(contract: &Contract, name: &str, calldata: &[u8], value: u128) -> Result<usize, i32> {
    let named = contract.find(name);
    let receive = || if name.is_empty() && calldata.is_empty() && value > 0 { contract.receive } else { None };
    named.or(contract.fallback).or_else(receive).ok_or(codes::INVALID_FUNCTION_NAME)
}

/// The checks before a frame of a call is opened, in the ABI's order: callable, constructor lockout, payable, reentrancy, view.
/// `owner` is whose storage the frame will work on; `value` what will move.
pub(crate) fn check(
    contract: &Contract,
    index: usize,
    kind: CallKind,
    owner: &Address,
    value: u128,
    running: &[Running],
) -> Result<Attributes, i32> {
    let Some((attributes, name)) = contract.attributes.get(index).copied().zip(contract.names.get(index)) else {
        return Err(codes::INVALID_FUNCTION_NAME);
    };
    if !attributes.callable() {
        return Err(codes::INVALID_FUNCTION_NAME);
    }
    if value > 0 && !attributes.has(Attributes::PAYABLE) {
        return Err(codes::VALUE_TRANSFER_NOT_PAYABLE);
    }
    let open = attributes.has(Attributes::REENTRANT) || attributes.has(Attributes::VIEW);
    if !open && running.iter().any(|(address, function)| address == owner && function == name) {
        return Err(codes::REENTRANCY_BLOCKED);
    }
    if kind == CallKind::Static && !attributes.has(Attributes::VIEW) {
        return Err(codes::FORBIDDEN);
    }
    Ok(attributes)
}
