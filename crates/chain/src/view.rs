//! Views: a function run on the current state, and everything that it did dropped.

use crate::events::Event;
use crate::outcome::Outcome;
use crate::perform::{self, Job, Notes};
use crate::rules::Rules;
use crate::world::{TxWorld, lost};
use detent_host::Address;
use detent_protocol::{Fault, HostTable};

/// Gas of a view that names none.
pub const DEFAULT_GAS: u64 = 10_000_000;

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRequest {
    /// Who asks; zero for nobody.
    pub from: Address,
    /// The contract.
    pub to: Address,
    /// Comes along with the call; the caller is given it first, so that nobody needs a balance to ask.
    pub value: u128,
    /// The envelope, as in a transaction.
    pub data: Vec<u8>,
    /// Limit.
    pub gas: u64,
    /// True runs the frame as a view: functions that change state trap. False lets them, and drops what they did.
    pub read_only: bool,
}

impl ViewRequest {
    /// A read-only call with the default gas.
    pub fn new(to: Address, function: &str, calldata: &[u8]) -> ViewRequest {
        let data = crate::payload::CallPayload::encode(function, calldata);
        ViewRequest { from: [0; 32], to, value: 0, data, gas: DEFAULT_GAS, read_only: true }
    }
}

/// What it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// How it ended.
    pub outcome: Outcome,
    /// Gas: the fuel rounded up, without a transaction's minimum.
    pub gas_used: u64,
    /// Fuel.
    pub fuel_used: u64,
    /// What it emitted, when it was not read-only.
    pub events: Vec<Event>,
    /// For people.
    pub notes: Notes,
}

/// Runs a view in a world and leaves it as it was.
pub(crate) fn run(mut world: Box<TxWorld>, request: &ViewRequest, rules: &Rules) -> (Option<Box<TxWorld>>, Result<View, Fault>) {
    world.free = HostTable::current().limits.view_cap;
    world.running.clear();
    world.events.clear();
    let undo = world.begin();
    if request.value > 0
        && let Err(fault) = world.credit(&request.from, request.value)
    {
        world.drop_since(undo);
        return (Some(world), Err(fault));
    }
    let fuel = request.gas.min(rules.wave_gas).saturating_mul(rules.fuel_per_gas).min(rules.tx_fuel);
    let job = Job {
        from: request.from,
        to: request.to,
        value: request.value,
        data: &request.data,
        fuel,
        tx_hash: [0; 32].into(),
        view: request.read_only,
    };
    let (world, performed) = perform::standard(world, &job);
    let Some(mut world) = world else { return (None, Err(performed.err().unwrap_or_else(lost))) };
    let kept = performed.as_ref().is_ok_and(|performed| performed.outcome.is_success());
    let events = if kept { std::mem::take(&mut world.events) } else { Vec::new() };
    world.drop_since(undo);
    let view = performed.map(|performed| View {
        gas_used: performed.used.div_ceil(rules.fuel_per_gas.max(1)),
        fuel_used: performed.used,
        outcome: performed.outcome,
        events,
        notes: performed.notes,
    });
    (Some(world), view)
}
