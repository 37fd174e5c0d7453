//! Gas within one function: what is charged when, and where the code for it goes.
//!
//! The rules charge each block at its entry on the cell (`detent:gas`). Doing just that costs a load, a store and a test a block, and chains all
//! blocks of a loop through one memory word. What rules make observable is less:
//!
//! - the cell's value when something looks at it: a trap, a call, a return. So it is stored only in blocks that have such an operator
//!   ([`Ledger::block`]), and between them the count lives in a local;
//! - that a negative count ends the frame as out of gas, whatever else happens after. A trap while the cell is negative *is* out of gas
//!   (section 8 of the page), so the count is tested only where going on unnoticed would have an effect or no bound: around each loop, at the
//!   entry of functions that call, before calls that may reach the host, and on return to the host (the export's wrapper).
//!   What can run unnoticed is less than one pass through one body and the leaf functions it calls, each of at most [`FREE_LEAF`].
//!
//! At any point the ledger knows the count as a known constant above the local or above the cell (a [`State`]), so that a charge itself is no
//! code: constants add up until a store, a test or a join of paths wants them. At a join all paths must agree ([`Join`]); the first to come decides.

use wasm_encoder::InstructionSink;

/// Fuel up to which a function that calls nothing runs without a test of its own.
pub(crate) const FREE_LEAF: u64 = 4096;

/// Where the count is. At least one of the two is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// count = local + this
    local: Option<i64>,
    /// count = cell + this
    cell: Option<i64>,
    /// The count was tested after the last charge.
    tested: bool,
}

/// What the paths that meet at a label agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// No path came yet.
    Open {
        /// A `br_table` comes: all its targets must agree, so on 0.
        tabled: bool,
    },
    /// The local, with this constant.
    Local(i64),
    /// The cell, exact: what a return wants.
    Cell,
}

/// The ledger of one function.
pub(crate) struct Ledger {
    /// The cell's global.
    cell: u32,
    /// The local.
    local: u32,
    /// Off leaves all code out.
    on: bool,
    /// The local was used.
    pub used: bool,
    pub state: State,
}

impl Ledger {
    /// At the entry of a function.
    pub fn new(cell: u32, local: u32, on: bool) -> Ledger {
        Ledger { cell, local, on, used: false, state: State { local: None, cell: Some(0), tested: true } }
    }

    /// Enters a block: charges it, makes the cell exact if it is `observed`, tests if asked.
    pub fn block(&mut self, cost: u64, observed: bool, test: bool, code: &mut InstructionSink<'_>) {
        if !self.on {
            return;
        }
        // Costs of a body are far below 2^63; a schedule that is not gets the most that can be asked.
        let cost = i64::try_from(cost).unwrap_or(i64::MAX / 4);
        self.state.local = self.state.local.map(|k| k.saturating_sub(cost));
        self.state.cell = self.state.cell.map(|k| k.saturating_sub(cost));
        self.state.tested &= cost == 0;
        if observed {
            self.store(code);
        }
        if test {
            self.test(code);
        }
    }

    /// Makes the cell exact.
    pub fn store(&mut self, code: &mut InstructionSink<'_>) {
        if !self.on || self.state.cell == Some(0) {
            return;
        }
        match self.state.local {
            Some(k) => {
                code.local_get(self.local);
                add(k, code);
                code.global_set(self.cell);
            }
            None => {
                code.global_get(self.cell);
                add(self.state.cell.unwrap_or_default(), code);
                code.local_tee(self.local).global_set(self.cell);
                self.state.local = Some(0);
                self.used = true;
            }
        }
        self.state.cell = Some(0);
    }

    /// Ends the frame if the count is negative, unless it was tested since the last charge.
    pub fn test(&mut self, code: &mut InstructionSink<'_>) {
        if !self.on || self.state.tested {
            return;
        }
        let k = self.load(code);
        code.local_get(self.local).i64_const(k.saturating_neg()).i64_lt_s().if_(wasm_encoder::BlockType::Empty);
        if self.state.cell != Some(0) {
            code.local_get(self.local);
            add(k, code);
            code.global_set(self.cell);
        }
        code.unreachable().end();
        self.state.tested = true;
    }

    /// Makes the local known; says with which constant.
    fn load(&mut self, code: &mut InstructionSink<'_>) -> i64 {
        if let Some(k) = self.state.local {
            return k;
        }
        code.global_get(self.cell).local_set(self.local);
        self.used = true;
        self.state.local = self.state.cell;
        self.state.cell.unwrap_or_default()
    }

    /// After a call: the cell is exact, and nothing else is known.
    pub fn called(&mut self) {
        self.state = State { local: None, cell: Some(0), tested: false };
    }

    /// After a helper that charges and tests.
    pub fn charged(&mut self) {
        self.state = State { local: None, cell: Some(0), tested: true };
    }

    /// Brings this path to what a join wants; the first path decides what that is.
    pub fn meet(&mut self, join: &mut Join, code: &mut InstructionSink<'_>) {
        if !self.on {
            return;
        }
        if *join == Join::Cell {
            return self.store(code);
        }
        let k = self.load(code);
        let want = match *join {
            Join::Local(want) => want,
            Join::Open { tabled: true } => 0,
            _ => k,
        };
        *join = Join::Local(want);
        if k != want {
            code.local_get(self.local);
            add(k.saturating_sub(want), code);
            code.local_set(self.local);
            self.used = true;
            self.state.local = Some(want);
        }
    }

    /// Goes on from a join.
    pub fn resume(&mut self, join: Join) {
        self.state = match join {
            Join::Local(k) => State { local: Some(k), cell: None, tested: false },
            Join::Cell | Join::Open { .. } => State { local: None, cell: Some(0), tested: false },
        };
    }
}

/// Adds a constant to the i64 on the stack.
fn add(k: i64, code: &mut InstructionSink<'_>) {
    if k != 0 {
        code.i64_const(k).i64_add();
    }
}
