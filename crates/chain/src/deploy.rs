//! Deployments: what is checked and charged, in this order, before a contract exists, and its constructor.
//!
//! 1. The data decode (`deploy_data_malformed`), the name keeps the rule (`contract_name_invalid`).
//! 2. The bytes are charged: `deploy.base_gas` + `deploy.byte_gas` a byte.
//! 3. No contract has the name (`contract_name_taken`).
//! 4. The gate admits the module (its first reason).
//! 5. Functions and rewritten bytes are charged, by the side form on every engine.
//! 6. The value moves, the code is stored once for its hash, the constructor runs if there is one. Constructor calldata without a
//!    constructor are ignored.

use crate::account::AccountKind;
use crate::address;
use crate::code;
use crate::frame;
use crate::outcome::Halt;
use crate::payload::DeployData;
use crate::perform::{Job, Performed, Place};
use crate::world::TxWorld;
use detent_engine::Budget;
use detent_host::{Address, FrameContext, Moved, codes};
use detent_protocol::{Fault, Schedule};
use detent_state::Key;
use std::sync::Arc;

/// What a deployment came to before its constructor.
enum Step {
    /// It ends here.
    Ended(Performed),
    /// The contract exists; its constructor may run.
    Created { address: Address, hash: [u8; 32], has_constructor: bool, init: Vec<u8> },
}

/// Deploys and runs the constructor, all in the caller's undo unit.
pub(crate) fn run(mut world: Box<TxWorld>, job: &Job<'_>) -> Place {
    let mut spent = 0;
    let (address, hash, init) = match create(&mut world, job, &mut spent) {
        Err(fault) => return (Some(world), Err(fault)),
        Ok(Step::Ended(performed)) => return (Some(world), Ok(performed)),
        Ok(Step::Created { address, has_constructor: false, .. }) => {
            return (Some(world), Ok(Performed::success(address.to_vec(), spent)));
        }
        Ok(Step::Created { address, hash, init, .. }) => (address, hash, init),
    };
    let loader = Arc::clone(&world.loader);
    let contract = match loader.load(&hash, &mut world.state) {
        Ok(contract) => contract,
        Err(fault) => return (Some(world), Err(fault)),
    };
    let Some((index, name)) = contract.constructor.and_then(|i| Some((i, contract.names.get(i)?))) else {
        return (Some(world), Ok(Performed::success(address.to_vec(), spent)));
    };
    let context = FrameContext {
        self_address: address,
        caller: job.from,
        origin: job.from,
        value: job.value,
        calldata: init,
        view: false,
        depth: 0,
        tx_hash: job.tx_hash.clone(),
        schema: contract.schema.clone(),
    };
    world.running.push((address, Arc::clone(name)));
    let limits = &Schedule::current().limits;
    let budget = Budget { fuel: job.fuel - spent, rest: limits.stack_bytes as i32, pages: limits.live_pages };
    let (world, ran) = frame::run(world, &contract, index, context, budget);
    let performed = ran.map(|ran| {
        let mut performed = Performed::of(ran);
        performed.used = performed.used.saturating_add(spent);
        performed.replace_output(address.to_vec())
    });
    (world, performed)
}

fn create(world: &mut TxWorld, job: &Job<'_>, spent: &mut u64) -> Result<Step, Fault> {
    let refused = |fault: Fault, spent: u64| Ok(Step::Ended(Performed::undeployable(&fault, spent)));
    let deploy = match DeployData::decode(job.data) {
        Ok(deploy) => deploy,
        Err(fault) => return refused(fault, 0),
    };
    if let Err(fault) = address::check_name(&deploy.name) {
        return refused(fault, 0);
    }
    let prices = &Schedule::current().deploy;
    let gas = u64::from(prices.base_gas).saturating_add(u64::from(prices.byte_gas).saturating_mul(deploy.wasm.len() as u64));
    if !charge(spent, gas.saturating_mul(world.env.fuel_per_gas), job.fuel) {
        return Ok(Step::Ended(Performed::halt(Halt::OutOfGas, job.fuel)));
    }
    let address = address::of_contract(&deploy.name);
    let mut identity = world.identity(&address)?;
    if identity.has_code() {
        let fault = Fault::new(detent_protocol::Code::ContractNameTaken, deploy.name);
        return refused(fault, *spent);
    }
    let admitted = match code::admit(&deploy.wasm) {
        Ok(admitted) => admitted,
        Err(fault) => return refused(fault, *spent),
    };
    let functions = u64::from(prices.function_fuel).saturating_mul(admitted.functions);
    let rewritten = u64::from(prices.rewritten_byte_fuel).saturating_mul(admitted.form.wasm.len() as u64);
    if !charge(spent, functions.saturating_add(rewritten), job.fuel) {
        return Ok(Step::Ended(Performed::halt(Halt::OutOfGas, job.fuel)));
    }
    match world.move_value(&job.from, &address, job.value)? {
        Moved::Done => {}
        // admission has made sure of the balance; the recipient's cannot overflow while the supply fits 127 bits
        Moved::Insufficient | Moved::Overflow => return Ok(Step::Ended(Performed::refused(codes::INSUFFICIENT_BALANCE))),
    }
    let hash = *blake3::hash(&deploy.wasm).as_bytes();
    let key = Key::code(&hash);
    if world.state.get(&key)?.is_none() {
        world.state.set(&key, &deploy.wasm)?;
    }
    identity.kind = AccountKind::Contract;
    identity.code_hash = hash;
    world.set_identity(&address, &identity)?;
    let has_constructor = admitted.abi.constructor_index.is_some();
    Ok(Step::Created { address, hash, has_constructor, init: deploy.init_calldata })
}

/// Adds to what is spent; false past the limit.
fn charge(spent: &mut u64, fuel: u64, limit: u64) -> bool {
    *spent = spent.saturating_add(fuel);
    *spent <= limit
}
