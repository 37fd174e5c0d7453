//! What an admitted transaction does, between the debit of its fee's bound and the settlement: its kind's work, in one undo unit.

use crate::account::{AccountKind, AuthKeys, PublicKey};
use crate::dispatch;
use crate::frame::{self, FrameEnd, Ran};
use crate::outcome::{Halt, Outcome};
use crate::payload::CallPayload;
use crate::world::TxWorld;
use detent_engine::{Budget, Frame};
use detent_gate::abi::Attributes;
use detent_host::{Address, CallKind, FrameContext, LazyHash, Moved, codes};
use detent_protocol::{Fault, HostTable, Schedule};
use std::sync::Arc;

/// The world, unless the engine lost it, and what came of the work.
pub(crate) type Place = (Option<Box<TxWorld>>, Result<Performed, Fault>);

/// Work to do for a sender.
#[derive(Clone)]
pub(crate) struct Job<'a> {
    pub from: Address,
    pub to: Address,
    pub value: u128,
    pub data: &'a [u8],
    /// Limit.
    pub fuel: u64,
    pub tx_hash: LazyHash,
    /// State-changing host functions trap.
    pub view: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Performed {
    pub outcome: Outcome,
    /// Fuel.
    pub used: u64,
    pub notes: Notes,
}

/// What people may want to know besides the receipt. Never part of it: engines may differ in what they know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Words about the end.
    pub detail: Option<String>,
    /// Live activations at a trap of the outermost frame, innermost first.
    pub frames: Vec<Frame>,
}

impl Performed {
    pub(crate) fn success(output: Vec<u8>, used: u64) -> Performed {
        Performed { outcome: Outcome::Success { output }, used, notes: Notes::default() }
    }

    pub(crate) fn halt(reason: Halt, used: u64) -> Performed {
        Performed { outcome: Outcome::Halt { reason }, used, notes: Notes::default() }
    }

    pub(crate) fn refused(code: i32) -> Performed {
        Performed::halt(Halt::Refused(code), 0)
    }

    pub(crate) fn undeployable(fault: &Fault, used: u64) -> Performed {
        let mut performed = Performed::halt(Halt::undeployable(fault.code), used);
        performed.notes.detail = Some(fault.to_string());
        performed
    }

    pub(crate) fn of(ran: Ran) -> Performed {
        let outcome = match ran.end {
            FrameEnd::Return(output) => Outcome::Success { output },
            FrameEnd::Revert(data) => Outcome::Revert { data },
            FrameEnd::Halt(reason) => Outcome::Halt { reason },
        };
        Performed { outcome, used: ran.used, notes: Notes { detail: ran.detail, frames: ran.frames } }
    }

    /// A success with other bytes.
    pub(crate) fn replace_output(mut self, bytes: Vec<u8>) -> Performed {
        if let Outcome::Success { output } = &mut self.outcome {
            *output = bytes;
        }
        self
    }
}

/// A Standard transaction: a plain transfer to an account without code, or a call.
pub(crate) fn standard(mut world: Box<TxWorld>, job: &Job<'_>) -> Place {
    match world.code_hash(&job.to) {
        Err(fault) => (Some(world), Err(fault)),
        Ok(Some(hash)) => call(world, job, &hash),
        Ok(None) => {
            let moved = world.move_value(&job.from, &job.to, job.value);
            let used = HostTable::current().limits.min_gas_limit.saturating_mul(world.env.fuel_per_gas).min(job.fuel);
            (Some(world), moved.map(|moved| settle_move(moved).unwrap_or_else(|| Performed::success(Vec::new(), used))))
        }
    }
}

/// A move that did not happen, as an outcome.
fn settle_move(moved: Moved) -> Option<Performed> {
    match moved {
        Moved::Done => None,
        Moved::Insufficient | Moved::Overflow => Some(Performed::refused(codes::INSUFFICIENT_BALANCE)),
    }
}

/// Runs a contract's function as the outermost frame.
fn call(mut world: Box<TxWorld>, job: &Job<'_>, hash: &[u8; 32]) -> Place {
    let Some(CallPayload { function, calldata }) = CallPayload::decode(job.data) else {
        return (Some(world), Ok(Performed::refused(codes::INVALID_INPUT)));
    };
    let loader = Arc::clone(&world.loader);
    let contract = match loader.load(hash, &mut world.state) {
        Ok(contract) => contract,
        Err(fault) => return (Some(world), Err(fault)),
    };
    let picked = dispatch::select(&contract, function, calldata, job.value).and_then(|index| {
        let attributes = dispatch::check(&contract, index, CallKind::Call, &job.to, job.value, &world.running)?;
        Ok((index, attributes))
    });
    let (index, attributes) = match picked {
        Ok(picked) => picked,
        Err(code) => return (Some(world), Ok(Performed::refused(code))),
    };
    match world.move_value(&job.from, &job.to, job.value).map(settle_move) {
        Ok(None) => {}
        Ok(Some(performed)) => return (Some(world), Ok(performed)),
        Err(fault) => return (Some(world), Err(fault)),
    }
    let context = FrameContext {
        self_address: job.to,
        caller: job.from,
        origin: job.from,
        value: job.value,
        calldata: calldata.to_vec(),
        view: job.view || attributes.has(Attributes::VIEW),
        depth: 0,
        tx_hash: job.tx_hash.clone(),
        schema: contract.schema.clone(),
    };
    if let Some(name) = contract.names.get(index) {
        world.running.push((job.to, Arc::clone(name)));
    }
    let limits = &Schedule::current().limits;
    let budget = Budget { fuel: job.fuel, rest: limits.stack_bytes as i32, pages: limits.live_pages };
    let (world, ran) = frame::run(world, &contract, index, context, budget);
    (world, ran.map(Performed::of))
}

/// Registers the first key of an account. Admission has checked that it fits.
pub(crate) fn register(world: &mut TxWorld, address: &Address, key: &[u8]) -> Result<Performed, Fault> {
    let mut identity = world.identity(address)?;
    if let Some(key) = PublicKey::from_slice(key) {
        identity.keys = AuthKeys::Single(key);
        world.set_identity(address, &identity)?;
    }
    Ok(Performed::success(Vec::new(), 0))
}

/// Creates value on a development chain, and registers a key if one comes along and the account has none.
pub(crate) fn endow(world: &mut TxWorld, job: &Job<'_>) -> Result<Performed, Fault> {
    if !world.credit(&job.to, job.value)? {
        return Ok(Performed::refused(codes::INSUFFICIENT_BALANCE));
    }
    let identity = world.identity(&job.to)?;
    if !job.data.is_empty() && identity.keys == AuthKeys::None && identity.kind == AccountKind::Eoa {
        return register(world, &job.to, job.data);
    }
    Ok(Performed::success(Vec::new(), 0))
}
