//! Gas within one function: what is charged when, and where the code for it goes.
//!
//! The rules charge each block at its entry on the cell (`detent:gas`). Doing just that costs a load, a store and a test a block, and chains all
//! blocks of a loop through one memory word. What rules make observable is less:
//!
//! - the cell's value where something looks at it. Calls and returns do, so there it is exact. Where an operator traps, the host looks, and in the
//!   side form it knows where: a constant between cell and count, if all paths to the operator agree on one, goes into the side table (`unpaid`),
//!   and the cell is stored only where none is known. In the fine form it is exact at traps, too;
//! - that a negative count ends the frame as out of gas, whatever else happens after. A trap while the count is negative *is* out of gas
//!   (section 8 of the page), so the count is tested only where going on unnoticed would have an effect or no bound: around each loop; in each
//!   activation before its first call; before each call that may reach the host; on return to the host (the export's wrapper); and at the
//!   entry of functions that cost more than [`FREE_ENTRY`] without a loop. So what runs unnoticed is less than one pass through one body and the
//!   functions it calls, which end or test within [`FREE_ENTRY`].
//!
//! At any point the ledger knows the count as a known constant above a local or above the cell (a [`State`]), so that a charge itself is no
//! code: constants add up until a store, a test or a join of paths wants them. At a join all paths must agree ([`Join`]); the first to come decides.

use wasm_encoder::InstructionSink;

/// Fuel up to which a function may run from its entry to a loop, a call or its end without a test.
pub(crate) const FREE_ENTRY: u64 = 4096;

/// Where the count is. At least one of the two is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// count = local + this
    local: Option<i64>,
    /// count = cell + this
    cell: Option<i64>,
    /// The count was tested after the last charge.
    tested: bool,
    /// It was tested in this activation.
    guarded: bool,
}

impl State {
    /// Whether the count was tested in this activation.
    pub fn guarded(&self) -> bool {
        self.guarded
    }
}

/// What the paths that meet at a label agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// No path came yet.
    Open {
        /// A `br_table` comes: all its targets must agree, so on 0.
        tabled: bool,
    },
    /// The local, with this constant; and the cell, where all paths so far had the same there.
    Local { local: i64, cell: Option<i64>, guarded: bool },
    /// The cell, with this constant: what will be charged between here and the end of the function, where it is exact.
    Cell { cell: i64, guarded: bool },
}

/// What a block wants of the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Nothing,
    /// The count must be a known constant below it.
    Known,
    Exact,
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
        Ledger { cell, local, on, used: false, state: State { local: None, cell: Some(0), tested: true, guarded: false } }
    }

    /// Enters a block: charges it, makes the cell what the block wants it to be, tests if asked.
    pub fn block(&mut self, cost: u64, want: Want, test: bool, code: &mut InstructionSink<'_>) {
        if !self.on {
            return;
        }
        let cost = fuel(cost);
        self.state.local = self.state.local.map(|k| k.saturating_sub(cost));
        self.state.cell = self.state.cell.map(|k| k.saturating_sub(cost));
        self.state.tested &= cost == 0;
        // A cell below the count, as paths to the end of a function leave it, would be judged too hard.
        let known = self.state.cell.is_some_and(|k| k <= 0);
        if want == Want::Exact || (want == Want::Known && !known) {
            self.store(code);
        }
        if test {
            self.test(code);
        }
    }

    /// Makes the cell exact.
    pub fn store(&mut self, code: &mut InstructionSink<'_>) {
        self.settle(0, code);
    }

    /// Makes the cell as much less than the count.
    pub fn settle(&mut self, less: i64, code: &mut InstructionSink<'_>) {
        if !self.on || self.state.cell == Some(less) {
            return;
        }
        match self.state.local {
            Some(k) => {
                code.local_get(self.local);
                add(k.saturating_sub(less), code);
                code.global_set(self.cell);
            }
            None => {
                code.global_get(self.cell);
                add(self.state.cell.unwrap_or_default().saturating_sub(less), code);
                code.local_tee(self.local).global_set(self.cell);
                self.state.local = Some(less);
                self.used = true;
            }
        }
        self.state.cell = Some(less);
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
        self.state.guarded = true;
    }

    /// Before a call: tests if nothing did in this activation, so that calls cannot multiply work unnoticed.
    pub fn guard(&mut self, code: &mut InstructionSink<'_>) {
        if !self.state.guarded {
            self.test(code);
            self.state.guarded = true;
        }
    }

    /// What the cell does not say yet of the count, if that is known: how much less the count is.
    pub fn unpaid(&self) -> Option<u64> {
        if !self.on {
            return Some(0);
        }
        self.state.cell.and_then(|k| u64::try_from(k.saturating_neg()).ok())
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
        self.state = State { local: None, cell: Some(0), tested: false, ..self.state };
    }

    /// After a helper that charges and tests.
    pub fn charged(&mut self) {
        self.state = State { local: None, cell: Some(0), tested: true, guarded: true };
    }

    /// Brings this path to what a join wants; the first path decides what that is.
    pub fn meet(&mut self, join: &mut Join, code: &mut InstructionSink<'_>) {
        if !self.on {
            return;
        }
        if let Join::Cell { cell, guarded } = join {
            *guarded &= self.state.guarded;
            return self.settle(*cell, code);
        }
        let k = self.load(code);
        let State { cell: now, guarded: here, .. } = self.state;
        let (want, cell, guarded) = match *join {
            Join::Local { local, cell, guarded } => (local, cell.filter(|c| Some(*c) == now), guarded && here),
            Join::Open { tabled: true } => (0, now, here),
            _ => (k, now, here),
        };
        *join = Join::Local { local: want, cell, guarded };
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
            Join::Local { local, cell, guarded } => State { local: Some(local), cell, tested: false, guarded },
            Join::Cell { cell, guarded } => State { local: None, cell: Some(cell), tested: false, guarded },
            Join::Open { .. } => State { local: None, cell: Some(0), tested: false, guarded: false },
        };
    }
}

/// A cost as the cells count it. Costs of a body are far below 2^63; of a schedule that is not, the most that can be asked.
pub(crate) fn fuel(cost: u64) -> i64 {
    i64::try_from(cost).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// Adds a constant to the i64 on the stack.
fn add(k: i64, code: &mut InstructionSink<'_>) {
    if k != 0 {
        code.i64_const(k).i64_add();
    }
}
