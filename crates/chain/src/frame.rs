//! Runs one frame: hands the world to the engine's host and takes it back with what became of the frame.

use crate::code::Contract;
use crate::outcome::{Halt, TrapKind};
use crate::world::{Seat, TxWorld, lost};
use detent_engine::{Budget, Call, End, Frame};
use detent_host::{FrameContext, HostFrame, Outcome};
use detent_protocol::{Code, Fault};

/// How a frame ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameEnd {
    /// Success with these bytes.
    Return(Vec<u8>),
    /// Failure by the contract's will, with these bytes.
    Revert(Vec<u8>),
    /// Ended by the protocol.
    Halt(Halt),
}

/// A frame that ended.
pub(crate) struct Ran {
    pub end: FrameEnd,
    /// Fuel.
    pub used: u64,
    /// Words of the host function that trapped, for people.
    pub detail: Option<String>,
    /// Live activations at a trap, for people.
    pub frames: Vec<Frame>,
}

/// Runs function `index` of a contract. The world is gone only if the engine lost its host, which ends the block.
pub(crate) fn run(
    world: Box<TxWorld>,
    contract: &Contract,
    index: usize,
    context: FrameContext,
    budget: Budget,
) -> (Option<Box<TxWorld>>, Result<Ran, Fault>) {
    let Some(entry) = contract.names.get(index) else {
        return (Some(world), Err(Fault::new(Code::NodeFault, "a function index that the contract does not have")));
    };
    let host = Box::new(HostFrame::new(Seat(Some(world)), context, &contract.imports));
    let call = Call { entry, args: &[], budget, instance_charge: true, initialize: true };
    let (host, ended) = contract.artefact.run(host, &call);
    let Ok(frame) = host.into_any().downcast::<HostFrame<Seat>>() else { return (None, Err(lost())) };
    let (seat, _, outcome) = frame.into_parts();
    let Some(world) = seat.0 else { return (None, Err(ended.err().unwrap_or_else(lost))) };
    let ran = ended.and_then(|ended| {
        let end = match (ended.end, outcome) {
            (End::Returned(_), Outcome::None) => FrameEnd::Return(Vec::new()),
            (End::Stopped, Outcome::Return(data)) => FrameEnd::Return(data),
            (End::Stopped, Outcome::Revert(data)) => FrameEnd::Revert(data),
            (End::Returned(_) | End::Stopped, _) => {
                return Err(Fault::new(Code::NodeFault, "how a frame ended contradicts what its host functions did"));
            }
            (End::Trapped(trap), _) => FrameEnd::Halt(Halt::Trap(TrapKind::from(trap))),
            (End::OutOfGas, _) => FrameEnd::Halt(Halt::OutOfGas),
            (End::StackOverflow, _) => FrameEnd::Halt(Halt::StackOverflow),
            (End::OutOfMemory, _) => FrameEnd::Halt(Halt::OutOfMemory),
        };
        Ok(Ran { end, used: ended.used, detail: ended.detail, frames: ended.frames })
    });
    (Some(world), ran)
}
