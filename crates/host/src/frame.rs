//! One frame's side of the host: from an import's number to its function, and what the frame ended with.

use crate::charge::{self, Price};
use crate::imports::{Function, ImportTable};
use crate::world::{FrameContext, World};
use crate::{account, calls, context, crypto, events, halt, hash, storage, typed_storage};
use detent_engine::{Exit, Host, Instance, Reply};
use detent_protocol::{Code, Fault, HostLimits, HostTable};
use std::sync::Arc;

/// What a frame handed over when it ended by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Neither `return` nor `revert` was called: empty data if the entry returned, otherwise see how the run ended.
    #[default]
    None,
    /// The bytes given to `return`: success.
    Return(Vec<u8>),
    /// The bytes given to `revert`: failure.
    Revert(Vec<u8>),
}

/// Answers the imports of one running frame.
pub struct HostFrame<W: World> {
    world: W,
    context: FrameContext,
    imports: Arc<ImportTable>,
    limits: &'static HostLimits,
    fuel_per_gas: u64,
    outcome: Outcome,
}

/// What a host function works with: the frame's parts, lent for one call.
pub(crate) struct Call<'a, W> {
    pub world: &'a mut W,
    pub context: &'a FrameContext,
    pub limits: &'static HostLimits,
    pub price: &'a Price,
    pub fuel_per_gas: u64,
    pub instance: &'a mut dyn Instance,
}

impl<W: World> HostFrame<W> {
    /// A frame in `world`. `imports` are those of the artefact that will run.
    pub fn new(world: W, context: FrameContext, imports: &Arc<ImportTable>) -> HostFrame<W> {
        let fuel_per_gas = world.env().fuel_per_gas;
        let limits = &HostTable::current().limits;
        HostFrame { world, context, imports: Arc::clone(imports), limits, fuel_per_gas, outcome: Outcome::None }
    }

    /// The world back, the context, and what the frame handed over.
    pub fn into_parts(self) -> (W, FrameContext, Outcome) {
        (self.world, self.context, self.outcome)
    }

    fn answer(&mut self, import: usize, args: &[u64], instance: &mut dyn Instance) -> Result<u64, Exit> {
        let Some(row) = self.imports.row(import) else {
            return Err(Exit::Node(Fault::new(Code::NodeFault, "the engine called an import that the module does not have")));
        };
        charge::take(instance, self.fuel_per_gas, row.price.base, 1)?;
        let call = &mut Call {
            world: &mut self.world,
            context: &self.context,
            limits: self.limits,
            price: &row.price,
            fuel_per_gas: self.fuel_per_gas,
            instance,
        };
        let answer = match row.function {
            Function::Sload => storage::load(call, args),
            Function::Sstore => storage::store(call, args),
            Function::Sdelete => storage::delete(call, args),
            Function::SloadScalar => typed_storage::load(call, args, 0),
            Function::SloadMap1 => typed_storage::load(call, args, 1),
            Function::SloadMap2 => typed_storage::load(call, args, 2),
            Function::SloadMap3 => typed_storage::load(call, args, 3),
            Function::SstoreScalar => typed_storage::store(call, args, 0),
            Function::SstoreMap1 => typed_storage::store(call, args, 1),
            Function::SstoreMap2 => typed_storage::store(call, args, 2),
            Function::SstoreMap3 => typed_storage::store(call, args, 3),
            Function::SdeleteScalar => typed_storage::delete(call, args, 0),
            Function::SdeleteMap1 => typed_storage::delete(call, args, 1),
            Function::SdeleteMap2 => typed_storage::delete(call, args, 2),
            Function::SdeleteMap3 => typed_storage::delete(call, args, 3),
            Function::Balance => account::balance(call, args),
            Function::Transfer => account::transfer(call, args),
            Function::Caller => context::bytes32(call, args, |call| call.context.caller),
            Function::Origin => context::bytes32(call, args, |call| call.context.origin),
            Function::SelfAddress => context::bytes32(call, args, |call| call.context.self_address),
            Function::TxHash => context::bytes32(call, args, |call| *call.context.tx_hash),
            Function::BeaconGet => context::bytes32(call, args, |call| call.world.env().beacon),
            Function::WaveId => Ok(call.world.env().wave_id),
            Function::WaveTimestamp => Ok(call.world.env().wave_timestamp),
            Function::ChainId => Ok(call.world.env().chain_id),
            Function::TxValue => context::tx_value(call, args),
            Function::TxGasRemaining => Ok(context::gas_remaining(call)),
            Function::CalldataSize => Ok(call.context.calldata.len() as u64),
            Function::CalldataCopy => context::calldata_copy(call, args),
            Function::EmitEvent => events::emit(call, args),
            Function::HashBlake3 => hash::blake3(call, args),
            Function::HashPoseidon2 => hash::poseidon2(call, args),
            Function::HashKeccak256 => hash::keccak256(call, args),
            Function::FalconVerify => crypto::falcon_verify(call, args),
            Function::CrossCall => calls::cross_call(call, args),
            Function::CrossCallStatic => calls::cross_call_static(call, args),
            Function::DelegateCall => calls::delegate_call(call, args),
            Function::Return => halt::data(call, args).and_then(|data| stop(&mut self.outcome, Outcome::Return(data))),
            Function::Revert => halt::data(call, args).and_then(|data| stop(&mut self.outcome, Outcome::Revert(data))),
            Function::ConsumeGas => halt::consume_gas(call, args),
        };
        answer.map_err(|exit| named(row.function, exit))
    }
}

fn stop(outcome: &mut Outcome, with: Outcome) -> Result<u64, Exit> {
    *outcome = with;
    Err(Exit::Stop)
}

/// A trap's words begin with the function's name.
#[cold]
fn named(function: Function, exit: Exit) -> Exit {
    match exit {
        Exit::Trap(words) => Exit::Trap(format!("{}: {words}", function.name())),
        other => other,
    }
}

/// The engine passed another number of arguments than the type has: nothing a contract can cause.
#[cold]
pub(crate) fn arity() -> Exit {
    Exit::Node(Fault::new(Code::NodeFault, "the engine passed arguments of another type than the import has"))
}

/// Traps in a frame that may not change state.
pub(crate) fn changes_state<W>(call: &Call<'_, W>) -> Result<(), Exit> {
    if call.context.view { Err(Exit::Trap("the frame is a view and may not change state".into())) } else { Ok(()) }
}

impl<W: World> Host for HostFrame<W> {
    fn call(&mut self, import: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        self.answer(import, args, instance).map(Reply::Value)
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
