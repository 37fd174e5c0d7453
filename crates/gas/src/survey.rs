//! The first walk through a body: how deep its operands get, whom it calls, and what its constructs look like from behind.

use crate::control::{Control, Kind};
use crate::module::{Module, invalid, malformed};
use crate::operator;
use detent_protocol::Fault;
use wasmparser::{BlockType, ContType, FrameKind, FuncType, FunctionBody, ModuleArity, Operator, RefType, SubType};

/// What later walks must know of a construct when it opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// A `br_table` targets it.
    pub tabled: bool,
    /// After its `end` comes nothing that branches, calls or can trap, up to the end of the function.
    pub tail: bool,
    /// An `if` with an `else`.
    pub has_else: bool,
}

/// What a body does, as far as others must know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    pub parameters: u64,
    /// Declared locals.
    pub locals: u64,
    /// Greatest operand height after any reachable operator.
    pub peak: u64,
    /// Reachable operators but `block`, `loop`, `end`, `else`, `nop`.
    pub operators: u64,
    /// Functions called directly (each once, ascending), by index.
    pub calls: Vec<u32>,
    /// Classes of types called indirectly (each once, ascending).
    pub indirect: Vec<u32>,
    /// Functions of `ref.func` (each once, ascending).
    pub references: Vec<u32>,
    /// Of its constructs that can execute, by ordinal.
    pub marks: Vec<Marks>,
    /// Whether any operator can trap or call (and so whether the fine form must know what is owed at entry).
    pub stands: bool,
    /// Whether it uses `memory.grow`; bulk operators on memory; operators that write tables.
    pub grows: bool,
    pub moves_memory: bool,
    pub writes_tables: bool,
}

/// Operand heights, with wasmparser's table of arities.
struct Heights<'a> {
    module: &'a Module<'a>,
    control: Control,
    function: BlockType,
    /// Height at the start of each open construct, below its parameters.
    floors: Vec<u64>,
    height: u64,
}

impl ModuleArity for Heights<'_> {
    fn sub_type_at(&self, index: u32) -> Option<&SubType> {
        self.module.types.get(index as usize)
    }
    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }
    fn type_index_of_function(&self, function: u32) -> Option<u32> {
        self.module.functions.get(function as usize).copied()
    }
    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }
    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }
    fn control_stack_height(&self) -> u32 {
        u32::try_from(self.control.depth()).unwrap_or(u32::MAX)
    }
    fn label_block(&self, depth: u32) -> Option<(BlockType, FrameKind)> {
        let construct = self.control.label(depth)?;
        let kind = match construct.kind {
            Kind::Loop => FrameKind::Loop,
            Kind::If => FrameKind::If,
            Kind::Else => FrameKind::Else,
            Kind::Block | Kind::Function => FrameKind::Block,
        };
        // A function's label takes its results; a block type made of its signature would take its parameters as well.
        Some((if construct.kind == Kind::Function { self.function } else { construct.ty }, kind))
    }
}

impl Heights<'_> {
    fn lower(&mut self, by: u32) -> Result<(), Fault> {
        self.height = self.height.checked_sub(u64::from(by)).ok_or_else(|| invalid("operand missing"))?;
        Ok(())
    }

    fn floor(&self) -> Result<u64, Fault> {
        self.floors.last().copied().ok_or_else(|| invalid("no open construct"))
    }

    fn arity(&self, operator: &Operator<'_>) -> Result<(u32, u32), Fault> {
        operator.operator_arity(self).ok_or_else(|| invalid("operator of unknown arity"))
    }
}

/// Walks a body whose function has type index `ty`.
pub(crate) fn survey(module: &Module<'_>, ty: u32, body: &FunctionBody<'_>) -> Result<Survey, Fault> {
    let signature = module.ty(ty)?;
    let mut survey = Survey { parameters: signature.params().len() as u64, marks: vec![Marks::default()], ..Survey::default() };
    for group in body.get_locals_reader().map_err(malformed)? {
        survey.locals += u64::from(group.map_err(malformed)?.0);
    }
    let mut at = Heights { module, control: Control::new(), function: BlockType::FuncType(ty), floors: vec![0], height: 0 };
    // Ordinals of constructs closed since the last operator that does anything with control or can stand.
    let mut closing = Vec::new();
    let mut operators = body.get_operators_reader().map_err(malformed)?;
    while !operators.eof() {
        let operator = operators.read().map_err(malformed)?;
        let live = at.control.is_live();
        // Structure moves heights by its block type, known before the walk forgets the construct.
        let arity = if live || matches!(operator, Operator::Else | Operator::End) { at.arity(&operator)? } else { (0, 0) };
        let step = at.control.step(&operator, |_| false)?;
        if !step.stays {
            continue;
        }
        let structure = matches!(operator, Operator::Block { .. } | Operator::Loop { .. } | Operator::End | Operator::Else | Operator::Nop);
        survey.operators += u64::from(live && !structure);
        match &operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                if let Operator::If { .. } = operator {
                    at.lower(1)?;
                }
                let parameters = if let Operator::If { .. } = operator { arity.0.saturating_sub(1) } else { arity.0 };
                at.lower(parameters)?;
                at.floors.push(at.height);
                at.height += u64::from(parameters);
                survey.marks.push(Marks::default());
            }
            Operator::Else => {
                at.height = at.floor()? + u64::from(arity.1);
                let ordinal = at.control.label(0).map(|c| c.ordinal);
                if let Some(marks) = ordinal.and_then(|o| survey.marks.get_mut(o)) {
                    marks.has_else = true;
                }
            }
            Operator::End => {
                let floor = at.floors.pop().ok_or_else(|| invalid("no open construct"))?;
                if step.continues && at.control.depth() > 0 {
                    at.height = floor + u64::from(arity.1);
                }
                closing.extend(step.closed.filter(|c| c.kind != Kind::Loop).map(|c| c.ordinal));
            }
            _ => {
                at.lower(arity.0)?;
                at.height += u64::from(arity.1);
            }
        }
        if operator != Operator::End && (step.begins || !step.continues || is_structure(&operator) || operator::stands(&operator)) {
            closing.clear();
        }
        survey.peak = survey.peak.max(at.height);
        survey.note(module, &at.control, &operator)?;
    }
    for ordinal in closing {
        if let Some(marks) = survey.marks.get_mut(ordinal) {
            marks.tail = true;
        }
    }
    for list in [&mut survey.calls, &mut survey.indirect, &mut survey.references] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(survey)
}

fn is_structure(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::Else)
}

impl Survey {
    fn note(&mut self, module: &Module<'_>, control: &Control, operator: &Operator<'_>) -> Result<(), Fault> {
        self.stands |= operator::stands(operator);
        match operator {
            Operator::Call { function_index } => {
                module.type_of(*function_index)?;
                self.calls.push(*function_index);
            }
            Operator::CallIndirect { type_index, .. } => self.indirect.push(module.class(*type_index)?),
            Operator::RefFunc { function_index } => {
                module.type_of(*function_index)?;
                self.references.push(*function_index);
            }
            Operator::BrTable { targets } => {
                for depth in targets.targets().chain([Ok(targets.default())]) {
                    let ordinal = control.label(depth.map_err(malformed)?).map(|c| c.ordinal);
                    if let Some(marks) = ordinal.and_then(|o| self.marks.get_mut(o)) {
                        marks.tabled = true;
                    }
                }
            }
            Operator::MemoryGrow { .. } => self.grows = true,
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => self.moves_memory = true,
            Operator::TableCopy { .. } | Operator::TableInit { .. } | Operator::TableFill { .. } | Operator::TableGrow { .. } => {
                self.writes_tables = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the body calls anything.
    pub fn calls_something(&self) -> bool {
        !self.calls.is_empty() || !self.indirect.is_empty()
    }
}
