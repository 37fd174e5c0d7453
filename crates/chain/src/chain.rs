//! [`Chain`]: a whole execution layer behind one handle. One block is open at a time; what is executed in it shows at once, and is
//! durable when the block is sealed.

use crate::address;
use crate::admission::{Checked, Failure};
use crate::block::{Block, Header};
use crate::code::Loader;
use crate::execute::Executed;
use crate::fees;
use crate::genesis::Genesis;
use crate::open::{self, BlockInputs, OpenBlock, Sealed};
use crate::perform::Notes;
use crate::receipt::Receipt;
use crate::tables;
use crate::transaction::{Transaction, TxKind};
use crate::view::{self, View, ViewRequest};
use crate::world::TxWorld;
use detent_engine::{Cache, Engine, Engines, Settings};
use detent_host::Address;
use detent_protocol::{Code, Fault};
use detent_state::{SnapshotId, State};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// How a chain is opened. No setting changes a result.
#[derive(Clone)]
pub struct Options {
    /// Engine by name: `cranelift` or `wasmi`.
    pub engine: String,
    /// Settings of the engines.
    pub settings: Settings,
    /// Bytes of compiled contracts that this chain holds on to.
    pub artefacts: usize,
    /// Where compiled contracts come from. The default is shared by all chains of the process, and kept in memory only.
    pub cache: Arc<Cache>,
    /// Caches of the state.
    pub state: detent_state::Options,
}

impl Default for Options {
    fn default() -> Options {
        static SHARED: LazyLock<Arc<Cache>> = LazyLock::new(|| Arc::new(Cache::new(256 << 20)));
        Options {
            engine: "cranelift".into(),
            settings: Settings::default(),
            artefacts: 256 << 20,
            cache: Arc::clone(&SHARED),
            state: detent_state::Options::default(),
        }
    }
}

/// A chain.
pub struct Chain {
    pub(crate) state: State,
    pub(crate) genesis: Genesis,
    pub(crate) options: Options,
    loader: Arc<Loader>,
    head: Header,
    open: Option<OpenBlock>,
    /// The last block's world: its memory serves the next one.
    spare: Option<Box<TxWorld>>,
    next_time: Option<u64>,
    snapshots: BTreeMap<u64, SnapshotId>,
    next_snapshot: u64,
    stop: Arc<AtomicBool>,
}

impl Chain {
    /// A new chain that ends with the process.
    pub fn memory(genesis: Genesis, options: Options) -> Result<Chain, Fault> {
        Chain::over(State::memory(), Some(genesis), options)
    }

    /// Opens the chain in a folder, or makes one there.
    ///
    /// `genesis` may be left out for a chain that exists (and for a new one means the default); one that differs from the stored
    /// one is `genesis_mismatch`. The store's own faults: `store_locked`, `store_corrupted` and their siblings.
    pub fn open(path: impl AsRef<Path>, genesis: Option<Genesis>, options: Options) -> Result<Chain, Fault> {
        let state = State::open(path, options.state)?;
        Chain::over(state, genesis, options)
    }

    /// A chain over any state, empty or one that a chain has written.
    pub fn over(mut state: State, genesis: Option<Genesis>, options: Options) -> Result<Chain, Fault> {
        let engine = Engines::new(&options.settings)?.get(&options.engine)?;
        let reader = state.reader();
        let (genesis, head) = match (tables::genesis(&reader)?, genesis) {
            (Some(stored), given) => {
                let block = |found: Option<Block>| found.ok_or_else(|| Fault::new(Code::RecordMalformed, "the store has no blocks"));
                let first = block(tables::block(&reader, 0)?)?;
                if given.is_some_and(|given| given.hash() != stored.hash()) {
                    return Err(Fault::new(Code::GenesisMismatch, "the given genesis is not the stored one"));
                }
                if first.header.parent != stored.hash() {
                    return Err(Fault::new(Code::GenesisMismatch, "the store was made under another schedule or host table"));
                }
                (stored, block(tables::last_block(&reader)?)?.header)
            }
            (None, given) => {
                let genesis = given.unwrap_or_default();
                genesis.check()?;
                let sealed = open::genesis_block(&mut state, &genesis)?;
                (genesis, sealed.block.header)
            }
        };
        let loader = Arc::new(Loader::new(engine, Arc::clone(&options.cache), options.artefacts));
        let stop = Arc::new(AtomicBool::new(false));
        Ok(Chain {
            state,
            genesis,
            options,
            loader,
            head,
            open: None,
            spare: None,
            next_time: None,
            snapshots: BTreeMap::new(),
            next_snapshot: 0,
            stop,
        })
    }

    /// The constants.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Header of the last sealed block.
    pub fn head(&self) -> &Header {
        &self.head
    }

    /// Height of the last sealed block.
    pub fn height(&self) -> u64 {
        self.head.height
    }

    /// Name of the engine.
    pub fn engine(&self) -> &'static str {
        self.loader.engine()
    }

    /// Set from anywhere, also from a signal handler's thread: [`Chain::run_batch`] then stops at a block's boundary.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Whether the flag is set; clears it.
    pub(crate) fn take_stop(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }

    /// Quanta per gas in the open block, or in the next one.
    pub fn base_fee(&self) -> u128 {
        match self.head.height {
            0 => self.head.base_fee,
            _ => fees::next_base_fee(self.head.base_fee, self.head.gas_used, self.genesis.target_gas),
        }
    }

    /// Transactions in the open block.
    pub fn pending(&self) -> u32 {
        self.open.as_ref().map_or(0, |open| open.totals().transactions)
    }

    /// What the next block says about itself unless it is told otherwise: a time after the parent's by the genesis, or as set by
    /// [`Chain::set_time`], and a random value that anyone can compute.
    pub fn next_inputs(&self) -> BlockInputs {
        let timestamp = self.next_time.unwrap_or_else(|| self.head.timestamp.saturating_add(self.genesis.block_seconds));
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"detent-beacon-1").update(&self.head.hash()).update(&timestamp.to_le_bytes());
        BlockInputs { timestamp, beacon: *hasher.finalize().as_bytes() }
    }

    /// The open block, opened if there is none.
    pub(crate) fn opened(&mut self) -> &mut OpenBlock {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.new_block(self.next_inputs()),
        };
        self.open.insert(open)
    }

    fn new_block(&mut self, inputs: BlockInputs) -> OpenBlock {
        let (base_fee, spare) = (self.base_fee(), self.spare.take());
        OpenBlock::new(&self.state, &self.head, &self.genesis, base_fee, inputs, Arc::clone(&self.loader), spare)
    }

    /// Opens a block with inputs of its own. Fault `block_open` if there are transactions in the open one, `timestamp_backwards`.
    pub fn begin_block(&mut self, inputs: BlockInputs) -> Result<(), Fault> {
        self.nothing_pending()?;
        self.check_time(inputs.timestamp)?;
        self.open = Some(self.new_block(inputs));
        Ok(())
    }

    fn check_time(&self, timestamp: u64) -> Result<(), Fault> {
        if timestamp < self.head.timestamp {
            return Err(Fault::new(Code::TimestampBackwards, format!("{timestamp} is before the parent's {}", self.head.timestamp)));
        }
        Ok(())
    }

    fn nothing_pending(&self) -> Result<(), Fault> {
        match self.pending() {
            0 => Ok(()),
            n => Err(Fault::new(Code::BlockOpen, format!("{n} transactions are in the open block"))),
        }
    }

    fn dev(&self, what: &str) -> Result<(), Fault> {
        if self.genesis.dev { Ok(()) } else { Err(Fault::new(Code::DevOnly, what)) }
    }

    /// Executes a transaction, as bytes from a client, in the open block. A fault says why it is not in the block.
    pub fn submit(&mut self, bytes: &[u8]) -> Result<Executed, Fault> {
        self.execute(Transaction::from_wire(bytes)?)
    }

    /// Executes a transaction in the open block.
    pub fn execute(&mut self, tx: Transaction) -> Result<Executed, Fault> {
        let checked = Checked::new(tx, &self.state.reader(), self.genesis.dev)?;
        let (receipt, notes) = self.execute_checked(checked).map_err(|refused| refused.0.into_fault())?;
        Ok(Executed { receipt: receipt.clone(), notes })
    }

    /// Executes a transaction whose signature has been looked at; the receipt stays in the open block. One that is not in the block
    /// comes back with the reason.
    pub fn execute_checked(&mut self, checked: Checked) -> Result<(&Receipt, Notes), Box<(Failure, Checked)>> {
        self.opened().execute(checked)
    }

    /// Development chains: an unsigned transaction of any sender, with its lowest unused nonce.
    pub fn impersonate(
        &mut self,
        from: Address,
        to: Address,
        value: u128,
        data: Vec<u8>,
        gas_limit: u64,
        kind: TxKind,
    ) -> Result<Executed, Fault> {
        self.dev("unsigned transactions")?;
        let nonce = self.nonce(&from)?;
        let tx = Transaction { kind, ..Transaction::standard(from, to, value, data, gas_limit, nonce, self.genesis.chain_id) };
        self.execute(tx)
    }

    /// Development chains: creates value for an account, and registers its key if one is given.
    pub fn endow(&mut self, to: Address, amount: u128, public_key: Option<&[u8]>) -> Result<Executed, Fault> {
        let data = public_key.map_or_else(Vec::new, <[u8]>::to_vec);
        self.impersonate(address::ZERO, to, amount, data, 0, TxKind::Endow)
    }

    /// Seals the open block, empty or not: fees are credited, roots computed, everything written at once.
    ///
    /// After a fault of the store nothing more can be written until the chain is opened again.
    pub fn seal(&mut self) -> Result<Sealed, Fault> {
        self.seal_if(|_| Ok(()))
    }

    /// As [`Chain::seal`], unless `check` refuses the header; then the block and its transactions are dropped.
    pub(crate) fn seal_if(&mut self, check: impl FnOnce(&Header) -> Result<(), Fault>) -> Result<Sealed, Fault> {
        self.opened();
        let Some(open) = self.open.take() else { return Err(crate::world::lost()) };
        let (sealed, spare) = open.seal(&mut self.state, check)?;
        self.spare = spare;
        self.head = sealed.block.header.clone();
        self.next_time = None;
        Ok(sealed)
    }

    /// Drops the open block and what was executed in it.
    pub fn discard(&mut self) {
        self.open = None;
    }

    /// Development chains: the time of the next block. Fault `block_open` when transactions have seen another time already.
    pub fn set_time(&mut self, timestamp: u64) -> Result<(), Fault> {
        self.dev("setting the time")?;
        self.nothing_pending()?;
        self.check_time(timestamp)?;
        self.open = None;
        self.next_time = Some(timestamp);
        Ok(())
    }

    /// Runs a function on the open block's state and drops what it did.
    pub fn view(&mut self, request: &ViewRequest) -> Result<View, Fault> {
        self.opened().lend(|world, rules, _| view::run(world, request, rules))?
    }

    /// Remembers the last sealed state. O(1). Fault `block_open` if there are transactions in the open block.
    pub fn snapshot(&mut self) -> Result<u64, Fault> {
        self.nothing_pending()?;
        let id = self.next_snapshot;
        self.next_snapshot += 1;
        self.snapshots.insert(id, self.state.snapshot());
        Ok(id)
    }

    /// Goes back to a snapshot: later blocks are gone, and the open one. Costs what changed since. Later snapshots are gone too.
    pub fn revert_to(&mut self, snapshot: u64) -> Result<(), Fault> {
        let unknown = || Fault::new(Code::SnapshotUnknown, format!("there is no snapshot {snapshot}"));
        let id = *self.snapshots.get(&snapshot).ok_or_else(unknown)?;
        self.open = None;
        self.next_time = None;
        let before = self.state.height();
        self.state.revert_to(id)?;
        self.snapshots.split_off(&snapshot.saturating_add(1));
        if self.state.height() != before {
            let last = tables::last_block(&self.state.reader())?;
            self.head = last.ok_or_else(|| Fault::new(Code::RecordMalformed, "the store has no blocks"))?.header;
        }
        Ok(())
    }
}

/// An engine by name.
pub fn engine(name: &str, settings: &Settings) -> Result<Arc<dyn Engine>, Fault> {
    Engines::new(settings)?.get(name)
}
