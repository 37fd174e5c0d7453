//! Code that makes nothing happen, so that a compiler reports each trap at the operator that trapped (side form only).
//!
//! Compilers keep the order of what traps, but not always its place. Cranelift folds a load into the instruction that uses its value and reports
//! that one's offset; and it removes a store that the next one overwrites, so that the trap of the first is the second's. Neither changes what
//! WebAssembly says; both change what a trap gives back. Each is held off by code that leaves no instruction, or one cheap load:
//!
//! - a load is not folded across the head of a basic block, and an empty `loop` makes one;
//! - a store is not removed when something observes memory before the next, and a write of another global does, although what it writes is
//!   what was there, and it goes itself.
//!
//! A compiler that loses a pin makes a wrong refund, not a wrong result: the engine's tests of random modules compare the forms at traps.

use super::Writer;
use crate::operator;
use wasm_encoder::BlockType;
use wasmparser::Operator;

/// What was last written to memory on the way here and not observed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Nothing,
    /// A store of that many bytes.
    Bytes(u8),
    /// Paths met here.
    Anything,
}

impl Writer<'_> {
    fn pins(&self) -> bool {
        self.plan.metering && self.plan.cells.owed.is_none()
    }

    pub(super) fn pin_before(&mut self, operator: &Operator<'_>) {
        let Some(width) = operator::store(operator).filter(|_| self.pins()) else { return };
        if self.written == Written::Anything || self.written == Written::Bytes(width) {
            let cell = self.plan.cells.flags;
            self.sink().global_get(cell).global_set(cell);
        }
        self.written = Written::Bytes(width);
    }

    pub(super) fn pin_after(&mut self, operator: &Operator<'_>) {
        let Some(folds) = operator::load(operator) else { return };
        self.written = Written::Nothing;
        if folds && self.pins() {
            self.sink().loop_(BlockType::Empty).end();
        }
    }
}
