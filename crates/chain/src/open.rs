//! The open block: transactions are executed into it one by one, then it is sealed.

use crate::account::Purse;
use crate::address;
use crate::admission::{Checked, Failure};
use crate::block::{Block, Header};
use crate::code::Loader;
use crate::events::{self, Bloom};
use crate::execute::{self, Executed};
use crate::fees::Split;
use crate::genesis::Genesis;
use crate::merkle;
use crate::perform::Notes;
use crate::receipt::Receipt;
use crate::rules::{Rules, Totals};
use crate::tables;
use crate::transaction::Transaction;
use crate::world::{TxWorld, lost};
use detent_host::{Address, Env};
use detent_protocol::Fault;
use detent_state::{Batch, Overlay, State, map, workers};
use std::sync::Arc;

/// What a block says about itself before it is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInputs {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The public random value.
    pub beacon: [u8; 32],
}

/// A block that is being filled.
pub struct OpenBlock {
    /// Absent after the engine lost it: the block cannot be sealed.
    world: Option<Box<TxWorld>>,
    height: u64,
    parent: [u8; 32],
    inputs: BlockInputs,
    rules: Rules,
    totals: Totals,
    transactions: Vec<Transaction>,
    receipts: Vec<Receipt>,
}

/// A block that is done, before it is durable.
struct Roots {
    receipts: [u8; 32],
    events: [u8; 32],
    transactions: [u8; 32],
    bloom: Bloom,
    receipt_bytes: Vec<Vec<u8>>,
}

/// A sealed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: [u8; 32],
    /// Its receipts.
    pub receipts: Vec<Receipt>,
}

impl OpenBlock {
    /// The block after `parent`, over committed state; `spare` is an earlier block's world, for its memory.
    pub(crate) fn new(
        state: &State,
        parent: &Header,
        genesis: &Genesis,
        base_fee: u128,
        inputs: BlockInputs,
        loader: Arc<Loader>,
        spare: Option<Box<TxWorld>>,
    ) -> OpenBlock {
        let height = parent.height.saturating_add(1);
        let env = Env {
            chain_id: genesis.chain_id,
            wave_id: height,
            wave_timestamp: inputs.timestamp,
            beacon: inputs.beacon,
            fuel_per_gas: genesis.fuel_per_gas,
        };
        let world = match spare {
            Some(mut spare) => {
                spare.state.rebase(state.reader());
                spare.env = env;
                spare
            }
            None => Box::new(TxWorld::new(env, Overlay::new(state), loader)),
        };
        OpenBlock {
            world: Some(world),
            height,
            parent: parent.hash(),
            inputs,
            rules: Rules::new(genesis, base_fee),
            totals: Totals::default(),
            transactions: Vec::new(),
            receipts: Vec::new(),
        }
    }

    /// What the block has used so far.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The uncommitted state.
    pub(crate) fn world(&mut self) -> Result<&mut TxWorld, Fault> {
        self.world.as_deref_mut().ok_or_else(lost)
    }

    /// Lends the world to `work`, which gives it back unless the engine lost it.
    pub(crate) fn lend<T>(
        &mut self,
        work: impl FnOnce(Box<TxWorld>, &Rules, &mut Totals) -> (Option<Box<TxWorld>>, T),
    ) -> Result<T, Fault> {
        let world = self.world.take().ok_or_else(lost)?;
        let (world, out) = work(world, &self.rules, &mut self.totals);
        self.world = world;
        Ok(out)
    }

    /// Executes a transaction and keeps its receipt. One that is not in the block comes back.
    pub(crate) fn execute(&mut self, checked: Checked) -> Result<(&Receipt, Notes), Box<(Failure, Checked)>> {
        let executed = self.lend(|world, rules, totals| execute::execute(world, &checked, rules, totals));
        match executed {
            Ok(Ok(Executed { receipt, notes })) => {
                self.transactions.push(checked.tx);
                Ok((self.receipts.push_mut(receipt), notes))
            }
            Ok(Err(failure)) => Err(Box::new((failure, checked))),
            Err(fault) => Err(Box::new((Failure::Node(fault), checked))),
        }
    }

    /// Credits the fees, computes all roots, and commits everything in one durable write. `check` may refuse the header before
    /// anything is written. Gives the world back too, for the next block.
    pub(crate) fn seal(
        mut self,
        state: &mut State,
        check: impl FnOnce(&Header) -> Result<(), Fault>,
    ) -> Result<(Sealed, Option<Box<TxWorld>>), Fault> {
        let split = Split::of(self.totals.fees);
        let world = self.world()?;
        for (address, amount) in [(address::reward_pool(), split.reward), (address::treasury(), split.treasury)] {
            if amount > 0 {
                world.credit(&address, amount)?;
            }
        }
        let changes = world.state.drain_sorted();
        let all = || roots(self.height, &self.transactions, &self.receipts);
        let (prepared, roots) = if changes.len() < PARALLEL && self.receipts.len() < PARALLEL {
            (state.prepare(changes), all())
        } else {
            workers()?.install(|| rayon::join(|| state.prepare(changes), all))
        };
        let prepared = prepared?;
        let header = Header {
            height: self.height,
            parent: self.parent,
            timestamp: self.inputs.timestamp,
            beacon: self.inputs.beacon,
            state_root: prepared.root(),
            receipts_root: roots.receipts,
            events_root: roots.events,
            bloom: roots.bloom,
            tx_root: roots.transactions,
            gas_used: self.totals.gas_used,
            base_fee: self.rules.base_fee,
        };
        check(&header)?;
        let hash = header.hash();
        let block = Block { header, transactions: self.transactions };
        let mut rows = Batch::new();
        tables::put_block(&mut rows, &block, &hash);
        for (receipt, bytes) in self.receipts.iter().zip(roots.receipt_bytes) {
            tables::put_receipt(&mut rows, receipt, bytes);
        }
        state.commit_prepared(self.height, prepared, rows)?;
        Ok((Sealed { block, hash, receipts: self.receipts }, self.world))
    }
}

/// Changes or receipts from which on a block is sealed by all threads.
const PARALLEL: usize = 128;

/// The roots of lists, leaves in parallel inside a pool.
fn roots(height: u64, transactions: &[Transaction], receipts: &[Receipt]) -> Roots {
    let leaf = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
    let tx_leaves: Vec<[u8; 32]> = map(transactions, |tx| leaf(&tx.encode()));
    let receipt_bytes: Vec<Vec<u8>> = map(receipts, Receipt::to_bytes);
    let receipt_leaves: Vec<[u8; 32]> = map(&receipt_bytes, |bytes| leaf(bytes));
    let (event_leaves, bloom) = event_leaves(height, receipts);
    Roots {
        receipts: merkle::root(receipt_leaves),
        events: merkle::root(event_leaves),
        transactions: merkle::root(tx_leaves),
        bloom,
        receipt_bytes,
    }
}

/// Leaves of all events in order, and their filter.
fn event_leaves(height: u64, receipts: &[Receipt]) -> (Vec<[u8; 32]>, Bloom) {
    let chunks: Vec<&[Receipt]> = receipts.chunks(256).collect();
    let chunks = map(&chunks, |chunk| {
        let (mut leaves, mut bloom, mut scratch) = (Vec::new(), Bloom::default(), Vec::new());
        for receipt in *chunk {
            for (at, event) in (0u32..).zip(&receipt.events) {
                leaves.push(events::leaf(height, receipt.index, at, event, &mut scratch));
                bloom.add(event);
            }
        }
        (leaves, bloom)
    });
    let mut bloom = Bloom::default();
    let mut leaves = Vec::new();
    for (part, filter) in chunks {
        leaves.extend(part);
        bloom.merge(&filter);
    }
    (leaves, bloom)
}

/// Block 0: the first accounts.
pub(crate) fn genesis_block(state: &mut State, genesis: &Genesis) -> Result<Sealed, Fault> {
    use crate::account::{AccountKind, AuthKeys, Identity};
    use detent_state::Key;
    let mut first = Overlay::new(state);
    let mut put = |address: &Address, balance: u128, identity: Option<Identity>| -> Result<(), Fault> {
        first.set(&Key::account(address), &Purse { balance, ..Purse::default() }.to_bytes())?;
        match identity {
            Some(identity) => first.set(&Key::identity(address), &identity.to_bytes()),
            None => Ok(()),
        }
    };
    for address in [address::treasury(), address::reward_pool()] {
        put(&address, 0, Some(Identity { kind: AccountKind::System, ..Identity::default() }))?;
    }
    for one in &genesis.balances {
        let keys = one.public_key.clone().map(|key| Identity { keys: AuthKeys::Single(key), ..Identity::default() });
        put(&one.address, one.balance, keys)?;
    }
    let prepared = state.prepare(first.drain_sorted())?;
    let header = Header {
        height: 0,
        parent: genesis.hash(),
        timestamp: genesis.timestamp,
        beacon: [0; 32],
        state_root: prepared.root(),
        receipts_root: merkle::root(Vec::new()),
        events_root: merkle::root(Vec::new()),
        bloom: Bloom::default(),
        tx_root: merkle::root(Vec::new()),
        gas_used: 0,
        base_fee: genesis.base_fee,
    };
    let hash = header.hash();
    let block = Block { header, transactions: Vec::new() };
    let mut rows = Batch::new();
    tables::put_block(&mut rows, &block, &hash);
    tables::put_genesis(&mut rows, genesis);
    state.commit_prepared(0, prepared, rows)?;
    Ok(Sealed { block, hash, receipts: Vec::new() })
}
