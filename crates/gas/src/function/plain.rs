//! Writing operators that are not structure.

use super::pins::Written;
use super::{Extra, Writer};
use crate::cells::flags;
use crate::ledger;
use crate::module::invalid;
use crate::nan::{Float, canonical_result, canonicalise, hides};
use crate::operator;
use crate::side::Place;
use detent_protocol::Fault;
use wasm_encoder::{InstructionSink, ValType};
use wasmparser::Operator;

impl Writer<'_> {
    /// Marks where the activation stands, and what it would get back.
    fn stand(&mut self) {
        if !self.plan.metering {
            return;
        }
        match self.plan.cells.owed {
            Some(cell) => {
                if self.owed != Some(self.unexecuted) {
                    let base = self.extra(Extra::Owed, ValType::I64);
                    let unexecuted = i64::try_from(self.unexecuted).unwrap_or(i64::MAX);
                    let mut code = self.sink();
                    code.local_get(base);
                    if unexecuted != 0 {
                        code.i64_const(unexecuted).i64_add();
                    }
                    code.global_set(cell);
                    self.owed = Some(self.unexecuted);
                }
            }
            None => {
                // `next_block` saw to it that this is known; were it not, storing makes it so.
                let unpaid = self.ledger.unpaid().unwrap_or_else(|| {
                    self.ledger.store(&mut InstructionSink::new(&mut self.code));
                    0
                });
                let place = Place { unpaid, refund: self.unexecuted };
                if let Ok(offset) = u32::try_from(self.code.len()) {
                    self.places.push((offset, place));
                }
            }
        }
    }

    /// The same for an operator that a compiler may know to trap. It may make one trapping branch of the operator and the branch before it, and
    /// then reports the branch's offset. So all is settled before: the count is judged, and what comes after is given back already.
    fn stand_in_advance(&mut self) {
        if !self.plan.metering || self.plan.cells.owed.is_some() {
            return self.stand();
        }
        let back = ledger::fuel(self.unexecuted);
        let mut code = InstructionSink::new(&mut self.code);
        self.ledger.test(&mut code);
        self.ledger.settle(back.saturating_neg(), &mut code);
    }

    pub(super) fn plain(&mut self, operator: &Operator<'_>, raw: &[u8], next: Option<&Operator<'_>>) -> Result<(), Fault> {
        match operator {
            Operator::LocalGet { local_index } => {
                let local = self.local(*local_index);
                self.sink().local_get(local);
            }
            Operator::LocalSet { local_index } => {
                let local = self.local(*local_index);
                self.sink().local_set(local);
            }
            Operator::LocalTee { local_index } => {
                let local = self.local(*local_index);
                self.sink().local_tee(local);
            }
            Operator::Call { function_index } => self.call(*function_index)?,
            Operator::CallIndirect { type_index, table_index } => self.call_indirect(*type_index, *table_index)?,
            Operator::MemoryGrow { .. } => self.helper(self.plan.helpers.grow),
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => {
                self.helper(self.plan.helpers.words);
                self.stand();
                self.code.extend_from_slice(raw);
            }
            Operator::TableCopy { .. } | Operator::TableInit { .. } | Operator::TableFill { .. } | Operator::TableGrow { .. } => {
                self.helper(self.plan.helpers.elements);
                self.stand();
                self.code.extend_from_slice(raw);
            }
            Operator::TableSet { .. } => {
                self.flag(flags::TABLE_WRITTEN);
                self.stand();
                self.code.extend_from_slice(raw);
            }
            Operator::DataDrop { .. } | Operator::ElemDrop { .. } => {
                self.flag(flags::SEGMENT_DROPPED);
                self.code.extend_from_slice(raw);
            }
            Operator::RefFunc { function_index } => {
                let function = self.plan.reference(*function_index);
                self.sink().ref_func(function);
            }
            _ => {
                self.pin_before(operator);
                if operator::always_out_of_bounds(operator, self.plan.memory_bytes) {
                    self.stand_in_advance();
                } else if operator::traps(operator) {
                    self.stand();
                }
                self.code.extend_from_slice(raw);
                self.pin_after(operator);
                if let Some(float) = canonical_result(operator)
                    && !next.is_some_and(hides)
                {
                    let (purpose, ty) = match float {
                        Float::F32 => (Extra::Nan32, ValType::F32),
                        Float::F64 => (Extra::Nan64, ValType::F64),
                    };
                    let local = self.extra(purpose, ty);
                    canonicalise(float, local, &mut self.sink());
                }
            }
        }
        Ok(())
    }

    /// An original local's index: the hidden parameter sits between parameters and declared locals.
    fn local(&self, original: u32) -> u32 {
        match self.rest {
            Some(rest) if original >= rest => original.saturating_add(1),
            _ => original,
        }
    }

    fn call(&mut self, function: u32) -> Result<(), Fault> {
        match self.plan.module.defined(function) {
            Some(place) => {
                if self.plan.is_hidden(place) {
                    self.pass_rest()?;
                }
            }
            None => {
                if self.plan.hosts.get(function as usize).is_some_and(|h| h.hands_on) {
                    let cell = self.plan.cells.rest;
                    self.pass_rest()?;
                    self.sink().global_set(cell);
                }
            }
        }
        self.stand();
        self.sink().call(function);
        self.ledger.called();
        self.written = Written::Nothing;
        self.owed = None;
        Ok(())
    }

    fn call_indirect(&mut self, ty: u32, table: u32) -> Result<(), Fault> {
        let mut ty = ty;
        if self.plan.is_wide(ty)? {
            let index = self.extra(Extra::TableIndex, ValType::I32);
            self.sink().local_set(index);
            self.pass_rest()?;
            self.sink().local_get(index);
            ty = self.plan.widened(ty)?;
        }
        self.stand();
        self.sink().call_indirect(table, ty);
        self.ledger.called();
        self.owed = None;
        Ok(())
    }

    /// What is left of the logical stack below this activation.
    fn pass_rest(&mut self) -> Result<(), Fault> {
        // A function that passes it has it: that is how `hidden` chose.
        let rest = self.rest.ok_or_else(|| invalid("no hidden parameter to pass on"))?;
        self.sink().local_get(rest);
        Ok(())
    }

    fn helper(&mut self, function: Option<u32>) {
        if let Some(function) = function {
            self.sink().call(function);
            if self.plan.metering {
                self.ledger.charged();
            }
        }
    }

    fn flag(&mut self, bit: i32) {
        let cell = self.plan.cells.flags;
        self.sink().global_get(cell).i32_const(bit).i32_or().global_set(cell);
    }
}
