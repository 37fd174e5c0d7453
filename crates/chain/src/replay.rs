//! Executing the stored blocks again, on any engine, and comparing everything.

use crate::batch::first_difference;
use crate::chain::{Chain, Options};
use crate::receipt::hex0x;
use detent_protocol::{Code, Fault};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// One block of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedBlock {
    /// Its height.
    pub height: u64,
    /// Transactions in it.
    pub transactions: usize,
    /// Root of the state as stored.
    pub state_root: [u8; 32],
    /// Root of the state as replayed.
    pub replayed_root: [u8; 32],
    /// The first thing that differs: a field of the header, or a receipt.
    pub difference: Option<String>,
}

/// A replay, block by block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Engine that executed the blocks again.
    pub engine: &'static str,
    /// The blocks of the range, up to the first that differs.
    pub blocks: Vec<ReplayedBlock>,
}

impl Replay {
    /// Whether every root, receipt and gas was the same.
    pub fn equal(&self) -> bool {
        self.blocks.iter().all(|block| block.difference.is_none())
    }

    /// The JSON form.
    pub fn to_json(&self) -> Value {
        json!({
            "engine": self.engine,
            "equal": self.equal(),
            "blocks": self.blocks.iter().map(|b| json!({
                "height": b.height,
                "transactions": b.transactions,
                "state_root": hex0x(&b.state_root),
                "replayed_root": hex0x(&b.replayed_root),
                "difference": b.difference,
            })).collect::<Vec<_>>(),
        })
    }
}

impl Chain {
    /// Executes the stored blocks again from the genesis, in memory, on the engine of that name, and compares headers and receipts
    /// of the blocks in `range`. It ends with the first block that differs.
    ///
    /// The whole past is executed: only the last state is kept, so a range cannot begin in the middle.
    pub fn replay(&self, range: RangeInclusive<u64>, engine: &str) -> Result<Replay, Fault> {
        if *range.end() > self.height() {
            return Err(Fault::new(Code::BlockUnknown, format!("block {}; the height is {}", range.end(), self.height())));
        }
        let options = Options { engine: engine.to_string(), ..self.options.clone() };
        let mut again = Chain::memory(self.genesis.clone(), options)?;
        let mut blocks = Vec::new();
        for height in 0..=*range.end() {
            let stored = self.block(height)?;
            let theirs = &stored.header;
            let (replayed, difference) = if height == 0 {
                (again.head().clone(), first_difference(again.head(), theirs).map(str::to_string))
            } else {
                again.replay_block(&stored, &self.receipts(height)?)?
            };
            let differs = difference.is_some();
            if range.contains(&height) || differs {
                blocks.push(ReplayedBlock {
                    height,
                    transactions: stored.transactions.len(),
                    state_root: theirs.state_root,
                    replayed_root: replayed.state_root,
                    difference,
                });
            }
            if differs {
                break;
            }
        }
        Ok(Replay { engine: again.engine(), blocks })
    }

    /// Executes a block whatever comes of it; gives the header that it comes to, and the first difference.
    fn replay_block(
        &mut self,
        block: &crate::block::Block,
        receipts: &[crate::receipt::Receipt],
    ) -> Result<(crate::block::Header, Option<String>), Fault> {
        let inputs = crate::open::BlockInputs { timestamp: block.header.timestamp, beacon: block.header.beacon };
        let (sealed, refused) = self.execute_block(block.transactions.clone(), Some(inputs))?;
        let refusal = refused.first().map(|(at, fault)| format!("transaction {at} is not admitted: {fault}"));
        let receipt = || {
            let differs = |i: &usize| sealed.receipts.get(*i) != receipts.get(*i);
            (0..sealed.receipts.len().max(receipts.len())).find(differs).map(|i| format!("receipt {i}"))
        };
        let field = || first_difference(&sealed.block.header, &block.header).map(str::to_string);
        let difference = refusal.or_else(receipt).or_else(field);
        Ok((sealed.block.header, difference))
    }
}
