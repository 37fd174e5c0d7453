//! The third walk through a body: writing it in deterministic form.

mod pins;
mod plain;

use crate::blocks::{Block, Blocks, blocks};
use crate::cells::status;
use crate::control::{Control, Kind};
use crate::ledger::{self, FREE_ENTRY, Join, Ledger, State, Want};
use crate::module::{invalid, malformed};
use crate::plan::Plan;
use crate::side::Place;
use crate::survey::{Marks, Survey};
use detent_protocol::Fault;
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};
use wasmparser::Operator;

/// A body in deterministic form.
pub(crate) struct Written {
    /// The body, without its size.
    pub body: Vec<u8>,
    /// What to settle by offset in `body`.
    pub places: Vec<(u32, Place)>,
}

/// The code of one body as it grows, with the locals that it turned out to need.
struct Writer<'a> {
    plan: &'a Plan<'a>,
    survey: &'a Survey,
    code: Vec<u8>,
    places: Vec<(u32, Place)>,
    ledger: Ledger,
    control: Control,
    /// By open construct: what its label wants, and where the count was at its `if`.
    joins: Vec<(Join, State)>,
    ordinal: usize,
    /// First index after the original's locals; the local of the hidden parameter, if the function takes it.
    first_local: u32,
    rest: Option<u32>,
    no_results: bool,
    extra: Vec<(Extra, ValType)>,
    blocks: std::vec::IntoIter<Block>,
    /// By construct that the function ends after: what that costs.
    tails: Vec<Option<i64>>,
    /// Costs of the current block's operators that have not executed yet.
    unexecuted: u64,
    written: pins::Written,
    /// What `detent:owed` holds above the local that kept it at entry, where that is known.
    owed: Option<u64>,
}

/// What a local that the form adds is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    Gas,
    Owed,
    TableIndex,
    Nan32,
    Nan64,
}

/// What comes after each construct that the function ends after without anything looking at the gas cell: paths to it settle that as well.
fn tails(survey: &Survey, blocks: &Blocks) -> Vec<Option<i64>> {
    let costs = blocks.costs_after();
    let tail = |(ordinal, marks): (usize, &Marks)| {
        (marks.tail && !marks.tabled).then(|| ledger::fuel(costs.get(ordinal).copied().unwrap_or_default()))
    };
    survey.marks.iter().enumerate().map(tail).collect()
}

/// Writes the body of a defined function.
pub(crate) fn write(plan: &Plan<'_>, place: usize) -> Result<Written, Fault> {
    let (Some(body), Some(survey), Some(need)) = (plan.module.bodies.get(place), plan.surveys.get(place), plan.needs.get(place)) else {
        return Err(invalid("function without a body"));
    };
    let blocks = blocks(body, survey.locals, &plan.cutting(), &plan.prices, plan.schedule)?;
    let total = blocks.list.iter().fold(0u64, |sum, b| sum.saturating_add(b.cost));
    let tails = tails(survey, &blocks);
    let hidden = plan.is_hidden(place);
    let locals = survey.parameters.saturating_add(survey.locals).saturating_add(u64::from(hidden));
    let first_local = u32::try_from(locals).ok().filter(|l| *l < u32::MAX - 8).ok_or_else(|| invalid("too many locals"))?;
    let mut writer = Writer {
        plan,
        survey,
        code: Vec::with_capacity(body.range().len() * 2),
        places: Vec::new(),
        // The ledger's local comes first of the added ones.
        ledger: Ledger::new(plan.cells.gas, first_local, plan.metering),
        control: Control::new(),
        joins: vec![(Join::Cell { cell: 0, guarded: true }, State::default())],
        ordinal: 1,
        first_local,
        rest: hidden.then_some(u32::try_from(survey.parameters).unwrap_or(u32::MAX)),
        no_results: plan.module.ty(plan.module.type_of(plan.module.function(place))?)?.results().is_empty(),
        extra: vec![(Extra::Gas, ValType::I64)],
        blocks: blocks.list.into_iter(),
        tails,
        unexecuted: 0,
        written: pins::Written::Nothing,
        owed: None,
    };
    writer.enter(need.frame, need.counted, need.bytes);
    writer.next_block(total > FREE_ENTRY);

    let mut operators = body.get_operators_reader().map_err(malformed)?;
    let mut current = Some(operators.read_with_offset().map_err(malformed)?);
    while let Some((operator, start)) = current {
        let end = operators.original_position();
        current = if operators.eof() { None } else { Some(operators.read_with_offset().map_err(malformed)?) };
        let raw = plan.module.wasm.get(start..end).ok_or_else(|| invalid("operator outside the module"))?;
        writer.operator(&operator, raw, current.as_ref().map(|(next, _)| next))?;
    }
    writer.finish(body)
}

impl Writer<'_> {
    fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    /// The local for a purpose, made when first asked for.
    fn extra(&mut self, purpose: Extra, ty: ValType) -> u32 {
        let place = self.extra.iter().position(|(p, _)| *p == purpose).unwrap_or_else(|| {
            self.extra.push((purpose, ty));
            self.extra.len() - 1
        });
        self.first_local + place as u32
    }

    /// Stack check, then what the fine form keeps of its caller.
    fn enter(&mut self, frame: u64, counted: bool, reserve: u64) {
        if let Some(rest) = self.rest
            && (counted || self.survey.calls_something())
        {
            // From here on the parameter is what callees get. Frames are far below 2^30; what is not overflows any stack.
            let clamp = |bytes: u64| i32::try_from(bytes).unwrap_or(i32::MAX / 2).min(i32::MAX / 2);
            let (cell, calls) = (self.plan.cells.status, self.survey.calls_something());
            let mut code = self.sink();
            if counted {
                code.local_get(rest).i32_const(clamp(reserve)).i32_lt_s().if_(BlockType::Empty);
                code.i32_const(status::STACK_OVERFLOW).global_set(cell).unreachable().end();
            }
            if calls {
                code.local_get(rest).i32_const(clamp(frame)).i32_sub().local_set(rest);
            }
        }
        if let Some(owed) = self.plan.cells.owed.filter(|_| self.plan.metering && self.survey.stands) {
            let base = self.extra(Extra::Owed, ValType::I64);
            self.sink().global_get(owed).local_set(base);
            self.owed = Some(0);
        }
    }

    fn next_block(&mut self, test: bool) {
        let block = self.blocks.next().unwrap_or_default();
        self.unexecuted = block.operators;
        let want = match (self.plan.cells.owed, block) {
            (_, Block { exact: true, .. }) | (Some(_), Block { traps: true, .. }) => Want::Exact,
            (None, Block { traps: true, .. }) => Want::Known,
            _ => Want::Nothing,
        };
        let mut code = InstructionSink::new(&mut self.code);
        self.ledger.block(block.cost, want, test || block.heads_loop, &mut code);
    }

    /// Brings this path to what a label wants.
    fn meet(&mut self, depth: u32) {
        let place = self.joins.len().checked_sub(1).and_then(|n| n.checked_sub(depth as usize));
        if let Some((join, _)) = place.and_then(|p| self.joins.get_mut(p)) {
            self.ledger.meet(join, &mut InstructionSink::new(&mut self.code));
        }
    }

    fn operator(&mut self, operator: &Operator<'_>, raw: &[u8], next: Option<&Operator<'_>>) -> Result<(), Fault> {
        let live = self.control.is_live();
        if live {
            self.unexecuted = self.unexecuted.saturating_sub(self.plan.prices.of(operator));
            self.before(operator)?;
        }
        let plan = self.plan;
        let step = self.control.step(operator, |o| plan.cutting().cuts(o))?;
        if !step.stays {
            return Ok(());
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.open(operator, raw),
            Operator::Else => {
                if step.executes {
                    self.meet(0);
                }
                self.code.extend_from_slice(raw);
                if let Some((_, at_if)) = self.joins.last() {
                    self.ledger.state = *at_if;
                }
            }
            Operator::End => self.close(step.executes, step.begins, step.continues, step.closed.map(|c| c.kind)),
            Operator::BrIf { relative_depth } if self.leaves_alone(*relative_depth) => self.leave(*relative_depth, raw),
            _ => self.plain(operator, raw, next)?,
        }
        if step.begins || step.closed.is_some() {
            self.written = pins::Written::Anything;
        }
        if step.begins {
            self.owed = None;
            self.next_block(matches!(operator, Operator::Loop { .. }));
        }
        Ok(())
    }

    /// What precedes an operator that can trap, call or leave.
    fn before(&mut self, operator: &Operator<'_>) -> Result<(), Fault> {
        match operator {
            Operator::Br { relative_depth } => self.meet(*relative_depth),
            Operator::BrIf { relative_depth } if !self.leaves_alone(*relative_depth) => self.meet(*relative_depth),
            Operator::BrTable { targets } => {
                // First those that want the local, all with the same constant; the cell can be exact besides.
                let mut depths = targets.targets().collect::<Result<Vec<_>, _>>().map_err(malformed)?;
                depths.push(targets.default());
                depths.sort_unstable();
                depths.dedup();
                for cell in [false, true] {
                    for &depth in &depths {
                        let place = self.joins.len().checked_sub(1).and_then(|n| n.checked_sub(depth as usize));
                        if place.and_then(|p| self.joins.get(p)).is_some_and(|(j, _)| matches!(j, Join::Cell { .. }) == cell) {
                            self.meet(depth);
                        }
                    }
                }
            }
            Operator::Return => self.ledger.store(&mut InstructionSink::new(&mut self.code)),
            // A host function must not see a negative count, nor take effect on one.
            Operator::Call { function_index } if self.plan.module.defined(*function_index).is_none() => {
                self.ledger.test(&mut InstructionSink::new(&mut self.code));
            }
            Operator::CallIndirect { .. } => self.ledger.test(&mut InstructionSink::new(&mut self.code)),
            Operator::Call { .. } => self.ledger.guard(&mut InstructionSink::new(&mut self.code)),
            _ => {}
        }
        Ok(())
    }

    /// Whether a `br_if` leaves forward and takes no values along: then what its label wants of the count can be done where it is taken only.
    fn leaves_alone(&self, depth: u32) -> bool {
        self.control.label(depth).is_some_and(|c| match c.kind {
            Kind::Loop => false,
            Kind::Function => self.no_results,
            _ => c.ty == wasmparser::BlockType::Empty,
        })
    }

    /// Writes such a `br_if`: as it is if there is nothing to do, else as an `if` around a `br`.
    fn leave(&mut self, depth: u32, raw: &[u8]) {
        let before = self.ledger.state;
        let at = self.code.len();
        self.meet(depth);
        if self.code.len() == at {
            self.code.extend_from_slice(raw);
            return;
        }
        let meeting = self.code.split_off(at);
        self.sink().if_(BlockType::Empty);
        self.code.extend_from_slice(&meeting);
        self.sink().br(depth.saturating_add(1)).end();
        self.ledger.state = before;
    }

    fn open(&mut self, operator: &Operator<'_>, raw: &[u8]) {
        let marks = self.survey.marks.get(self.ordinal).copied().unwrap_or_default();
        let tail = self.tails.get(self.ordinal).copied().flatten();
        self.ordinal += 1;
        let Marks { tabled, has_else, .. } = marks;
        let mut join = match operator {
            // So that after its charge the local is the count itself: what its head stores and tests wants no addition.
            // Ways back will come with other cells than the way in.
            Operator::Loop { .. } => {
                let charge = self.blocks.as_slice().first().map_or(0, |b| ledger::fuel(b.cost));
                Join::Local { local: if tabled { 0 } else { charge }, cell: None, guarded: self.ledger.state.guarded() }
            }
            _ => match tail {
                Some(cell) => Join::Cell { cell, guarded: true },
                None => Join::Open { tabled },
            },
        };
        let meets_now = match operator {
            Operator::Loop { .. } => true,
            // Where there is no `else`, the condition being false is a path from here to the end.
            Operator::If { .. } => !has_else,
            _ => false,
        };
        if meets_now {
            self.ledger.meet(&mut join, &mut InstructionSink::new(&mut self.code));
        }
        self.code.extend_from_slice(raw);
        if matches!(operator, Operator::Loop { .. }) {
            self.ledger.resume(join);
        }
        self.joins.push((join, self.ledger.state));
    }

    fn close(&mut self, executes: bool, begins: bool, continues: bool, kind: Option<Kind>) {
        // Only a block that begins has other paths coming to it.
        let function = kind == Some(Kind::Function);
        if executes && (begins || function) {
            self.meet(0);
        }
        self.sink().end();
        let join = self.joins.pop().map_or(Join::Open { tabled: false }, |(join, _)| join);
        if begins {
            self.ledger.resume(join);
        }
        if !continues && !function {
            // Nothing comes here; validation must be told.
            self.sink().unreachable();
        }
    }

    /// Puts the locals before the code.
    fn finish(self, body: &wasmparser::FunctionBody<'_>) -> Result<Written, Fault> {
        let mut locals = Vec::new();
        for group in body.get_locals_reader().map_err(malformed)? {
            let (count, ty) = group.map_err(malformed)?;
            locals.push((count, ValType::try_from(ty).map_err(|_| invalid("type of a local"))?));
        }
        let extra = if self.extra.len() > 1 || self.ledger.used { &self.extra[..] } else { &[] };
        locals.extend(extra.iter().map(|(_, ty)| (1, *ty)));
        let mut function = Function::new(locals);
        let shift = u32::try_from(function.byte_len()).map_err(|_| invalid("body too large"))?;
        function.raw(self.code);
        let places = self.places.into_iter().map(|(offset, place)| (offset.saturating_add(shift), place)).collect();
        Ok(Written { body: function.into_raw_body(), places })
    }
}
