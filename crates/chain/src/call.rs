//! Calls between contracts: `cross_call`, `cross_call_static`, `delegate_call`.
//!
//! The callee is charged for what it used, and the caller pays that. Static callees draw first on an allowance of free fuel
//! that the whole transaction shares (`limits.view_cap`); their limit is what the caller named, capped by the allowance's rest
//! plus what the caller has left, so that the caller can always pay. Pages and logical stack are the transaction's: a nested
//! frame gets what is left of them.

use crate::code::Contract;
use crate::dispatch;
use crate::frame::{self, FrameEnd};
use crate::outcome::Halt;
use crate::world::TxWorld;
use detent_engine::{Budget, Exit};
use detent_gate::abi::Attributes;
use detent_host::{Address, CallKind, FrameContext, Moved, NestedCall, NestedEnded, codes};
use detent_protocol::Schedule;
use std::sync::Arc;

/// A call that ends before a frame is opened.
enum Early {
    /// With a code of the ABI; the caller goes on.
    Code(i32),
    /// With the caller.
    Exit(Exit),
}

impl From<detent_protocol::Fault> for Early {
    fn from(fault: detent_protocol::Fault) -> Early {
        Early::Exit(Exit::Node(fault))
    }
}

/// A call whose checks have passed.
struct Ready {
    contract: Arc<Contract>,
    index: usize,
    attributes: Attributes,
    /// Whose storage the frame works on.
    owner: Address,
}

/// Runs a nested call in the caller's world and gives the world back, unless the engine lost it.
pub(crate) fn nested(
    mut world: Box<TxWorld>,
    caller: &FrameContext,
    call: NestedCall,
) -> (Option<Box<TxWorld>>, Result<NestedEnded, Exit>) {
    let refused = |code| Ok(NestedEnded { code, output: Vec::new(), used: 0 });
    match prepare(&mut world, caller, &call) {
        Ok(ready) => enter(world, caller, call, ready),
        Err(Early::Code(code)) => (Some(world), refused(code)),
        Err(Early::Exit(exit)) => (Some(world), Err(exit)),
    }
}

/// Everything up to the value's move, in the order of the ABI. A target without code ends here: a plain call moves its value,
/// the other two have no function to run.
fn prepare(world: &mut TxWorld, caller: &FrameContext, call: &NestedCall) -> Result<Ready, Early> {
    if caller.depth >= Schedule::current().limits.call_depth {
        return Err(Early::Exit(Exit::Trap(format!("calls are nested {} deep already", caller.depth))));
    }
    let Some(hash) = world.code_hash(&call.target)? else {
        return Err(match call.kind {
            CallKind::Delegate | CallKind::Static => Early::Code(codes::INVALID_FUNCTION_NAME),
            CallKind::Call => match world.move_value(&caller.self_address, &call.target, call.value)? {
                Moved::Done => Early::Code(0),
                Moved::Insufficient => Early::Code(codes::INSUFFICIENT_BALANCE),
                Moved::Overflow => overflow(),
            },
        });
    };
    let loader = Arc::clone(&world.loader);
    let contract = loader.load(&hash, &mut world.state)?;
    let index = dispatch::select(&contract, &call.function, &call.calldata, call.value).map_err(Early::Code)?;
    let owner = if call.kind == CallKind::Delegate { caller.self_address } else { call.target };
    let attributes = dispatch::check(&contract, index, call.kind, &owner, call.value, &world.running).map_err(Early::Code)?;
    Ok(Ready { contract, index, attributes, owner })
}

fn overflow() -> Early {
    Early::Exit(Exit::Trap("the recipient's balance would exceed 128 bits".into()))
}

/// Moves the value and runs the callee, in one undo unit.
fn enter(
    mut world: Box<TxWorld>,
    caller: &FrameContext,
    call: NestedCall,
    ready: Ready,
) -> (Option<Box<TxWorld>>, Result<NestedEnded, Exit>) {
    let Ready { contract, index, attributes, owner } = ready;
    let undo = world.begin();
    match world.move_value(&caller.self_address, &call.target, call.value) {
        Ok(Moved::Done) => {}
        Ok(Moved::Insufficient) => {
            world.drop_since(undo);
            return (Some(world), Ok(NestedEnded { code: codes::INSUFFICIENT_BALANCE, output: Vec::new(), used: 0 }));
        }
        Ok(Moved::Overflow) => {
            world.drop_since(undo);
            return (Some(world), Err(Exit::Trap("the recipient's balance would exceed 128 bits".into())));
        }
        Err(fault) => return (Some(world), Err(Exit::Node(fault))),
    }
    let is_static = call.kind == CallKind::Static;
    let delegated = call.kind == CallKind::Delegate;
    let context = FrameContext {
        self_address: owner,
        caller: if delegated { caller.caller } else { caller.self_address },
        origin: caller.origin,
        value: if delegated { caller.value } else { call.value },
        calldata: call.calldata,
        view: caller.view || is_static || attributes.has(Attributes::VIEW),
        depth: caller.depth.saturating_add(1),
        tx_hash: caller.tx_hash.clone(),
        schema: contract.schema.clone(),
    };
    let fuel = if is_static { call.limit.min(world.free.saturating_add(call.fuel)) } else { call.fuel };
    let rest = call.rest.saturating_sub(Schedule::current().stack.nested_call as i32);
    let budget = Budget { fuel, rest, pages: call.pages };
    let depth = world.running.len();
    if let Some(name) = contract.names.get(index) {
        world.running.push((owner, Arc::clone(name)));
    }
    let (world, ran) = frame::run(world, &contract, index, context, budget);
    let Some(mut world) = world else { return (None, Err(Exit::Node(ran.err().unwrap_or_else(crate::world::lost)))) };
    world.running.truncate(depth);
    let ran = match ran {
        Ok(ran) => ran,
        Err(fault) => {
            world.drop_since(undo);
            return (Some(world), Err(Exit::Node(fault)));
        }
    };
    let succeeded = matches!(ran.end, FrameEnd::Return(_));
    if succeeded && !is_static {
        world.keep(undo);
    } else {
        world.drop_since(undo);
    }
    let mut used = ran.used;
    if is_static {
        let free = used.min(world.free);
        world.free -= free;
        used -= free;
    }
    let (code, output) = match ran.end {
        FrameEnd::Return(output) => (0, output),
        FrameEnd::Revert(data) => (codes::CROSS_CALL_FAILED, data),
        FrameEnd::Halt(Halt::OutOfGas) => (codes::CROSS_CALL_OUT_OF_GAS, Vec::new()),
        FrameEnd::Halt(_) => (codes::CROSS_CALL_FAILED, Vec::new()),
    };
    (Some(world), Ok(NestedEnded { code, output, used }))
}
