//! One transaction on the block's uncommitted state: admission, debit, work, settlement, receipt.
//!
//! A transaction that is not admitted changes nothing. One that is takes its nonce and pays for the gas it used, whatever
//! happens; all else of a failed one is undone. A node's failure undoes everything, nonce and fee included.

use crate::admission::{self, Checked, Debit, Failure};
use crate::deploy;
use crate::fees;
use crate::perform::{self, Job, Notes, Performed, Place};
use crate::receipt::Receipt;
use crate::rules::{Rules, Totals};
use crate::transaction::TxKind;
use crate::world::{TxWorld, lost};
use detent_protocol::{Fault, HostTable};

/// An executed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// What it did.
    pub receipt: Receipt,
    /// What people may want to know besides.
    pub notes: Notes,
}

/// Executes the next transaction of a block. `totals` grow by what it used. The world is gone only if the engine lost it; then
/// the block cannot go on.
pub(crate) fn execute(
    mut world: Box<TxWorld>,
    checked: &Checked,
    rules: &Rules,
    totals: &mut Totals,
) -> (Option<Box<TxWorld>>, Result<Executed, Failure>) {
    let Debit { purse, bound } = match admission::admit(&mut world, checked, rules, totals) {
        Ok(debit) => debit,
        Err(failure) => return (Some(world), Err(failure)),
    };
    world.free = HostTable::current().limits.view_cap;
    world.running.clear();
    world.events.clear();
    let whole = world.begin();
    // the nonce, and the whole gas limit's price until it is known what was used
    if let Some(Err(fault)) = purse.map(|purse| world.set_purse(&checked.tx.from, purse)) {
        world.drop_since(whole);
        return (Some(world), Err(Failure::Node(fault)));
    }
    let (world, performed) = work(world, checked, rules);
    let Some(mut world) = world else { return (None, Err(Failure::Node(performed.err().unwrap_or_else(lost)))) };
    match performed.and_then(|performed| settle(&mut world, checked, rules, totals, bound, performed)) {
        Ok(executed) => {
            world.keep(whole);
            (Some(world), Ok(executed))
        }
        Err(fault) => {
            world.drop_since(whole);
            (Some(world), Err(Failure::Node(fault)))
        }
    }
}

/// The kind's work in an undo unit of its own: kept on success, dropped otherwise.
fn work(mut world: Box<TxWorld>, checked: &Checked, rules: &Rules) -> Place {
    let tx = &checked.tx;
    let job = Job {
        from: tx.from,
        to: tx.to,
        value: tx.value,
        data: &tx.data,
        fuel: tx.gas_limit.saturating_mul(rules.fuel_per_gas),
        tx_hash: checked.hash.clone(),
        view: false,
    };
    let undo = world.begin();
    let (world, performed) = match tx.kind {
        TxKind::Deploy => deploy::run(world, &job),
        TxKind::RegisterPubkey => {
            let done = perform::register(&mut world, &tx.from, &tx.data);
            (Some(world), done)
        }
        TxKind::Endow => {
            let done = perform::endow(&mut world, &job);
            (Some(world), done)
        }
        _ => perform::standard(world, &job), // admission lets no other kind through
    };
    let Some(mut world) = world else { return (None, performed) };
    match &performed {
        Ok(performed) if performed.outcome.is_success() => world.keep(undo),
        _ => world.drop_since(undo),
    }
    (Some(world), performed)
}

/// Gives back what was not used, and writes the receipt.
fn settle(
    world: &mut TxWorld,
    checked: &Checked,
    rules: &Rules,
    totals: &mut Totals,
    bound: u128,
    performed: Performed,
) -> Result<Executed, Fault> {
    let tx = &checked.tx;
    let Performed { outcome, used, notes } = performed;
    let free = matches!(tx.kind, TxKind::RegisterPubkey | TxKind::Endow);
    let gas_used = if free { 0 } else { fees::gas_of(used, rules.fuel_per_gas) };
    let fee_paid = u128::from(gas_used).saturating_mul(rules.base_fee);
    if !free && bound > fee_paid {
        world.credit(&tx.from, bound - fee_paid)?;
    }
    let receipt = Receipt {
        tx_hash: checked.hash.clone(),
        sender: tx.from,
        nonce: tx.nonce,
        height: world.env.wave_id,
        index: totals.transactions,
        outcome,
        gas_used,
        fuel_used: used,
        fee_paid,
        events: std::mem::take(&mut world.events),
    };
    totals.transactions = totals.transactions.saturating_add(1);
    totals.gas_used = totals.gas_used.saturating_add(gas_used);
    totals.fuel_used = totals.fuel_used.saturating_add(used);
    totals.fees = totals.fees.saturating_add(fee_paid);
    Ok(Executed { receipt, notes })
}
