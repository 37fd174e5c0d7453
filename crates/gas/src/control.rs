//! Structured control: which operators can execute, and where blocks begin (`docs/metering.md` section 2).
//!
//! One [`Control`] walks one body, operator by operator, without recursion; code that cannot execute is only counted for nesting.

use crate::module::{invalid, malformed};
use detent_protocol::Fault;
use wasmparser::{BlockType, Operator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Block,
    Loop,
    If,
    Else,
}

/// An open construct that can execute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Construct {
    pub kind: Kind,
    pub ty: BlockType,
    /// Its number among the function's constructs that can execute, in order of opening; the function itself is 0.
    pub ordinal: usize,
    /// Whether a reachable branch targets it.
    pub targeted: bool,
    /// Of an `if`: whether its first arm falls through, to the end.
    pub arm_falls: bool,
}

/// What an operator is in its place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Control reaches the operator from the one before it.
    pub executes: bool,
    /// It is part of the structure that stays: it executes, or it closes a construct that does.
    pub stays: bool,
    /// A block begins after it.
    pub begins: bool,
    /// Control reaches what follows.
    pub continues: bool,
    /// The construct that it closed (`end`), as it was.
    pub closed: Option<Construct>,
}

/// The walk through one body.
#[derive(Default)]
pub(crate) struct Control {
    open: Vec<Construct>,
    opened: usize,
    /// `Some(n)`: unreachable, inside n constructs that cannot execute.
    dead: Option<u32>,
}

impl Control {
    /// At the start of a body.
    pub fn new() -> Control {
        let mut control = Control::default();
        control.push(Kind::Function, BlockType::Empty);
        control
    }

    /// Whether the next operator can execute.
    pub fn is_live(&self) -> bool {
        self.dead.is_none()
    }

    /// The construct that a label means.
    pub fn label(&self, depth: u32) -> Option<&Construct> {
        let place = self.open.len().checked_sub(1)?.checked_sub(depth as usize)?;
        self.open.get(place)
    }

    /// Number of open constructs, the function included.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Moves over an operator. `cuts` says of a call's operator whether it cuts.
    pub fn step(&mut self, operator: &Operator<'_>, cuts: impl FnOnce(&Operator<'_>) -> bool) -> Result<Step, Fault> {
        use Operator::{Block, Br, BrIf, BrTable, Call, CallIndirect, Else, End, If, Loop, Return, Unreachable};
        if let Some(nested) = self.dead {
            match operator {
                Block { .. } | Loop { .. } | If { .. } => {
                    self.dead = Some(nested.saturating_add(1));
                    return Ok(Step::default());
                }
                End if nested > 0 => {
                    self.dead = Some(nested - 1);
                    return Ok(Step::default());
                }
                Else if nested == 0 => {}
                End => {}
                _ => return Ok(Step::default()),
            }
        }
        let executes = self.is_live();
        let mut step = Step { executes, stays: true, ..Step::default() };
        match operator {
            Block { blockty } => self.push(Kind::Block, *blockty),
            Loop { blockty } => {
                self.push(Kind::Loop, *blockty);
                step.begins = true;
            }
            If { blockty } => {
                self.push(Kind::If, *blockty);
                step.begins = true;
            }
            Else => {
                let construct = self.open.last_mut().filter(|c| c.kind == Kind::If).ok_or_else(|| invalid("else without if"))?;
                construct.kind = Kind::Else;
                construct.arm_falls = executes;
                self.dead = None;
                step.begins = true;
            }
            End => {
                let closed = self.open.pop().ok_or_else(|| invalid("operators after the end of a function"))?;
                // Besides falling through: branched to; from the other arm; or an `if` whose condition was false.
                let joined = closed.kind == Kind::If || closed.arm_falls || (closed.targeted && closed.kind != Kind::Loop);
                step.begins = match closed.kind {
                    Kind::If | Kind::Else => executes || joined,
                    Kind::Block => joined,
                    Kind::Loop | Kind::Function => false,
                };
                self.dead = (!executes && !joined).then_some(0);
                step.closed = Some(closed);
            }
            Br { relative_depth } => {
                self.target(*relative_depth)?;
                self.dead = Some(0);
            }
            BrIf { relative_depth } => {
                self.target(*relative_depth)?;
                step.begins = true;
            }
            BrTable { targets } => {
                self.target(targets.default())?;
                for depth in targets.targets() {
                    self.target(depth.map_err(malformed)?)?;
                }
                self.dead = Some(0);
            }
            Return | Unreachable => self.dead = Some(0),
            Call { .. } | CallIndirect { .. } => step.begins = cuts(operator),
            _ => {}
        }
        step.continues = self.is_live();
        Ok(step)
    }

    fn push(&mut self, kind: Kind, ty: BlockType) {
        self.open.push(Construct { kind, ty, ordinal: self.opened, targeted: false, arm_falls: false });
        self.opened += 1;
    }

    fn target(&mut self, depth: u32) -> Result<(), Fault> {
        let place = self.open.len().checked_sub(1).and_then(|n| n.checked_sub(depth as usize));
        let construct = place.and_then(|p| self.open.get_mut(p)).ok_or_else(|| invalid("branch to no label"))?;
        construct.targeted = true;
        Ok(())
    }
}
