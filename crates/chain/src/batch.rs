//! Many signed transactions into sealed blocks, and whole blocks from elsewhere.

use crate::admission::{Checked, Failure};
use crate::block::{Block, Header};
use crate::chain::Chain;
use crate::open::{BlockInputs, Sealed};
use crate::transaction::Transaction;
use detent_protocol::{Code, Fault};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Headers of the blocks sealed, in order, each with its hash and number of transactions.
    pub blocks: Vec<(Header, [u8; 32], u32)>,
    /// Position in the batch and reason of each transaction that is in no block.
    pub refused: Vec<(usize, Fault)>,
    /// Transactions that succeeded.
    pub succeeded: u64,
    /// Transactions that are in a block and failed.
    pub failed: u64,
    /// Transactions of the batch that were looked at; the rest was left when it was interrupted.
    pub done: usize,
    /// Stopped by [`Chain::stop_flag`].
    pub interrupted: bool,
    /// Decoding, hashing and verifying signatures.
    pub signatures: Duration,
    /// Executing.
    pub execution: Duration,
    /// Roots and the durable write.
    pub sealing: Duration,
}

impl Chain {
    /// Executes signed transactions, as bytes from clients, in sealed blocks of up to `block_size`; signatures on all cores.
    ///
    /// Transactions in the open block stay in front. A block that is full is sealed early. When the stop flag is set, the
    /// transactions executed so far are sealed and the batch says how far it came. A fault is the node's: blocks sealed before
    /// it stay.
    pub fn run_batch(&mut self, transactions: &[impl AsRef<[u8]> + Sync], block_size: usize) -> Result<Batch, Fault> {
        let mut batch = Batch::default();
        let size = block_size.max(1);
        for chunk in transactions.chunks(size) {
            if self.take_stop() {
                batch.interrupted = true;
                return Ok(batch);
            }
            let began = Instant::now();
            let checked = Checked::batch(chunk, &self.reader(), self.genesis().dev)?;
            batch.signatures += began.elapsed();
            for checked in checked {
                if self.stop_flag().load(Ordering::Relaxed) {
                    break;
                }
                let at = batch.done;
                batch.done += 1;
                match checked {
                    Ok(checked) => self.run_one(checked, at, &mut batch)?,
                    Err(fault) => batch.refused.push((at, fault)),
                }
            }
            if self.pending() > 0 {
                self.seal_into(&mut batch)?;
            }
        }
        batch.interrupted = self.take_stop() && batch.done < transactions.len();
        Ok(batch)
    }

    fn run_one(&mut self, checked: Checked, at: usize, batch: &mut Batch) -> Result<(), Fault> {
        let again = self.pending() > 0;
        let mut executed = self.timed(checked, batch);
        if let Err(refused) = executed {
            if again && matches!(&refused.0, Failure::Refused(fault) if fault.code == Code::BlockFull) {
                self.seal_into(batch)?;
                executed = self.timed(refused.1, batch);
            } else {
                executed = Err(refused);
            }
        }
        match executed {
            Ok(true) => batch.succeeded += 1,
            Ok(false) => batch.failed += 1,
            Err(refused) => match refused.0 {
                Failure::Refused(fault) => batch.refused.push((at, fault)),
                Failure::Node(fault) => return Err(fault),
            },
        }
        Ok(())
    }

    /// Executes and takes the time; whether it succeeded.
    fn timed(&mut self, checked: Checked, batch: &mut Batch) -> Result<bool, Box<(Failure, Checked)>> {
        let began = Instant::now();
        let executed = self.execute_checked(checked).map(|(receipt, _)| receipt.outcome.is_success());
        batch.execution += began.elapsed();
        executed
    }

    fn seal_into(&mut self, batch: &mut Batch) -> Result<(), Fault> {
        let began = Instant::now();
        let sealed = self.seal()?;
        batch.sealing += began.elapsed();
        batch.blocks.push((sealed.block.header, sealed.hash, sealed.block.transactions.len() as u32));
        Ok(())
    }

    /// Executes transactions as one sealed block; those that may not be in it come back with their positions and reasons.
    pub fn execute_block(
        &mut self,
        transactions: Vec<Transaction>,
        inputs: Option<BlockInputs>,
    ) -> Result<(Sealed, Vec<(usize, Fault)>), Fault> {
        self.begin_block(inputs.unwrap_or_else(|| self.next_inputs()))?;
        let mut refused = Vec::new();
        for (at, checked) in Checked::decoded(transactions, &self.reader(), self.genesis().dev)?.into_iter().enumerate() {
            match self.execute_checked(checked).map_err(|refused| refused.0) {
                Ok(_) => {}
                Err(Failure::Refused(fault)) => refused.push((at, fault)),
                Err(Failure::Node(fault)) => {
                    self.discard();
                    return Err(fault);
                }
            }
        }
        Ok((self.seal()?, refused))
    }

    /// Executes a block from elsewhere and seals it only if it comes to the same header: every root, gas, fee and time.
    ///
    /// Fault `replay_mismatch` otherwise, naming the first field that differs; nothing is written then.
    pub fn import(&mut self, block: &Block) -> Result<Sealed, Fault> {
        let theirs = &block.header;
        self.begin_block(BlockInputs { timestamp: theirs.timestamp, beacon: theirs.beacon })?;
        let mismatch = |what: String| Fault::new(Code::ReplayMismatch, what).at(format_args!("block {}", theirs.height));
        for (at, checked) in Checked::decoded(block.transactions.clone(), &self.reader(), self.genesis().dev)?.into_iter().enumerate() {
            if let Err(failed) = self.execute_checked(checked) {
                self.discard();
                return Err(match failed.0 {
                    Failure::Refused(fault) => mismatch(format!("transaction {at} may not be in the block: {fault}")),
                    Failure::Node(fault) => fault,
                });
            }
        }
        self.seal_if(|ours| match first_difference(ours, theirs) {
            None => Ok(()),
            Some(field) => Err(mismatch(format!("{field} differs"))),
        })
    }
}

/// The first field in which two headers differ.
pub(crate) fn first_difference(a: &Header, b: &Header) -> Option<&'static str> {
    let fields = [
        ("height", a.height == b.height),
        ("parent", a.parent == b.parent),
        ("timestamp", a.timestamp == b.timestamp),
        ("beacon", a.beacon == b.beacon),
        ("base_fee", a.base_fee == b.base_fee),
        ("tx_root", a.tx_root == b.tx_root),
        ("gas_used", a.gas_used == b.gas_used),
        ("receipts_root", a.receipts_root == b.receipts_root),
        ("events_root", a.events_root == b.events_root),
        ("bloom", a.bloom == b.bloom),
        ("state_root", a.state_root == b.state_root),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}
