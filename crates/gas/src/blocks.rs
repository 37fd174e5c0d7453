//! The second walk through a body: its blocks and what they cost (`docs/metering.md` section 2).

use crate::control::Control;
use crate::module::malformed;
use crate::operator;
use crate::prices::Prices;
use detent_protocol::{Fault, Schedule};
use wasmparser::{FunctionBody, Operator};

/// A block of a function, in program order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// What its operators cost: the part that a trap can give back.
    pub operators: u64,
    /// What entering it costs: its operators and the additions.
    pub cost: u64,
    /// An operator of it can trap.
    pub traps: bool,
    /// An operator of it wants the gas cell exact: it calls in the form, or is `unreachable`.
    pub exact: bool,
    /// It begins after `loop`.
    pub heads_loop: bool,
}

/// Which functions' calls end a block.
pub(crate) struct Cutting<'a> {
    /// Number of imports: all cut.
    pub imported: u32,
    /// Of defined functions, by place.
    pub functions: &'a [bool],
}

impl Cutting<'_> {
    /// Whether a call's operator cuts.
    pub fn cuts(&self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Call { function_index } => match function_index.checked_sub(self.imported) {
                Some(place) => self.functions.get(place as usize).copied().unwrap_or_default(),
                None => true,
            },
            Operator::CallIndirect { .. } => true,
            _ => false,
        }
    }
}

/// The blocks of a body, in program order.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    pub list: Vec<Block>,
    /// By ordinal of a construct: the number of the block that begins after its `end`, if one does.
    after: Vec<Option<usize>>,
}

impl Blocks {
    /// By ordinal: what all blocks cost together that come after the construct's end.
    pub fn costs_after(&self) -> Vec<u64> {
        let mut rest = vec![0u64; self.list.len() + 1];
        for (place, block) in self.list.iter().enumerate().rev() {
            rest[place] = rest[place + 1].saturating_add(block.cost);
        }
        self.after.iter().map(|after| after.and_then(|first| rest.get(first)).copied().unwrap_or_default()).collect()
    }
}

/// Divides a body into blocks.
pub(crate) fn blocks(
    body: &FunctionBody<'_>,
    locals: u64,
    cutting: &Cutting<'_>,
    prices: &Prices,
    schedule: &Schedule,
) -> Result<Blocks, Fault> {
    let mut control = Control::new();
    let mut done = Vec::new();
    let mut after = Vec::new();
    let mut block = Block::default();
    let mut operators = body.get_operators_reader().map_err(malformed)?;
    while !operators.eof() {
        let operator = operators.read().map_err(malformed)?;
        let step = control.step(&operator, |o| cutting.cuts(o))?;
        if step.executes {
            block.operators = block.operators.saturating_add(prices.of(&operator));
            block.traps |= operator::traps(&operator);
            // Compilers make one trapping branch of a branch and an `unreachable`, and report the branch's offset: nothing may depend on it.
            block.exact |= operator::calls_in_form(&operator) || matches!(operator, Operator::Unreachable);
        }
        if let Some(construct) = step.closed.filter(|_| step.begins) {
            if after.len() <= construct.ordinal {
                after.resize(construct.ordinal + 1, None);
            }
            if let Some(slot) = after.get_mut(construct.ordinal) {
                *slot = Some(done.len() + 1);
            }
        }
        if step.begins {
            let next = Block { heads_loop: matches!(operator, Operator::Loop { .. }), ..Block::default() };
            done.push(std::mem::replace(&mut block, next));
        }
    }
    done.push(block);
    for block in &mut done {
        block.cost = if block.heads_loop { block.operators.max(1) } else { block.operators };
    }
    if let Some(first) = done.first_mut() {
        let additions = u64::from(schedule.function.entry).saturating_add(u64::from(schedule.function.local).saturating_mul(locals));
        first.cost = first.cost.saturating_add(additions);
    }
    Ok(Blocks { list: done, after })
}
