//! An accountant that knows no blocks: it writes into the *original* module, before each operator, that its cost is counted.
//!
//! Together with a rewriting that charges nothing, this is another way to the gas of any run that does not end out of gas. It shares
//! the price table with the rewriter, and nothing else.

use detent_protocol::Schedule;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, InstructionSink, ValType,
};
use wasmparser::{FunctionBody, GlobalSectionReader, Operator, Parser, Payload, TypeRef};

struct Accountant<'a> {
    schedule: &'a Schedule,
    count: u32,
    /// Numbers of parameters of defined functions, then how many bodies are written.
    parameters: Vec<u32>,
    done: usize,
}

/// Adds the accountant to a module that has globals and exports of its own.
pub fn instrument(wasm: &[u8], schedule: &Schedule) -> Option<Vec<u8>> {
    let (mut types, mut globals, mut parameters, mut exports) = (Vec::new(), None, Vec::new(), false);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::TypeSection(s) => types = s.into_iter_err_on_gc_types().map(|t| t.unwrap().params().len() as u32).collect(),
            Payload::ImportSection(s) => assert!(s.into_imports().all(|i| matches!(i.unwrap().ty, TypeRef::Func(_)))),
            Payload::FunctionSection(s) => parameters = s.into_iter().map(|t| types[t.unwrap() as usize]).collect(),
            Payload::GlobalSection(s) => globals = Some(s.count()),
            Payload::ExportSection(_) => exports = true,
            _ => {}
        }
    }
    let mut accountant = Accountant { schedule, count: globals.filter(|_| exports)?, parameters, done: 0 };
    let mut module = wasm_encoder::Module::new();
    accountant.parse_core_module(&mut module, Parser::new(0), wasm).unwrap();
    Some(module.finish())
}

impl Reencode for Accountant<'_> {
    type Error = std::convert::Infallible;

    fn parse_global_section(&mut self, out: &mut GlobalSection, section: GlobalSectionReader<'_>) -> Result<(), Error> {
        RoundtripReencoder.parse_global_section(out, section)?;
        for initial in [0, i64::MAX] {
            out.global(GlobalType { val_type: ValType::I64, mutable: true, shared: false }, &ConstExpr::i64_const(initial));
        }
        Ok(())
    }

    fn parse_export_section(&mut self, out: &mut ExportSection, section: wasmparser::ExportSectionReader<'_>) -> Result<(), Error> {
        RoundtripReencoder.parse_export_section(out, section)?;
        out.export("detent-test:count", ExportKind::Global, self.count).export(
            "detent-test:count_limit",
            ExportKind::Global,
            self.count + 1,
        );
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let parameters = self.parameters[self.done];
        self.done += 1;
        let mut locals: Vec<_> =
            body.get_locals_reader()?.into_iter().map(|l| l.unwrap()).map(|(n, t)| (n, t.try_into().unwrap())).collect();
        let declared: u32 = locals.iter().map(|(n, _)| n).sum();
        locals.push((1, ValType::I32));
        let operand = parameters + declared;
        let operators: Vec<Operator<'_>> = body.get_operators_reader()?.into_iter().map(Result::unwrap).collect();
        let empty = empty_loops(&operators);
        let mut function = Function::new(locals);
        self.pay(&mut function.instructions(), u64::from(self.schedule.function.entry + self.schedule.function.local * declared));
        for (place, operator) in operators.into_iter().enumerate() {
            let cost = u64::from(self.schedule.operators.price(&name(&operator)));
            self.pay(&mut function.instructions(), cost);
            self.pay_operand(&mut function.instructions(), &operator, operand);
            let is_empty_loop = empty[place];
            function.instruction(&RoundtripReencoder.instruction(operator)?);
            if is_empty_loop {
                self.pay(&mut function.instructions(), 1);
            }
        }
        code.function(&function);
        Ok(())
    }
}

impl Accountant<'_> {
    fn pay(&self, code: &mut InstructionSink<'_>, cost: u64) {
        if cost > 0 {
            code.i64_const(cost as i64);
            self.pay_stack(code);
        }
    }

    fn pay_stack(&self, code: &mut InstructionSink<'_>) {
        code.global_get(self.count).i64_add().global_set(self.count);
        code.global_get(self.count).global_get(self.count + 1).i64_gt_u().if_(BlockType::Empty).unreachable().end();
    }

    fn pay_operand(&self, code: &mut InstructionSink<'_>, operator: &Operator<'_>, operand: u32) {
        let d = &self.schedule.dynamic;
        let (unit, per) = match operator {
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => (8, d.memory_word),
            Operator::TableCopy { .. } | Operator::TableInit { .. } => (1, d.table_element),
            Operator::MemoryGrow { .. } => (0, d.memory_page),
            _ => return,
        };
        code.local_tee(operand).local_get(operand);
        if unit == 0 {
            // min(delta, cap + 1), by a branch
            let most = self.schedule.limits.memory_pages as i32 + 1;
            code.i32_const(most).i32_gt_u().if_(BlockType::Result(ValType::I32)).i32_const(most).else_().local_get(operand).end();
            code.i64_extend_i32_u();
        } else {
            // n / unit, and one more for a remainder
            code.i64_extend_i32_u().i64_const(unit).i64_div_u();
            code.local_get(operand).i32_const(unit as i32).i32_rem_u().i32_eqz().i32_eqz().i64_extend_i32_u().i64_add();
        }
        code.i64_const(i64::from(per)).i64_mul();
        self.pay_stack(code);
    }
}

/// `I32DivS` to `i32_div_s`, by the debug name: not how the rewriter does it.
fn name(operator: &Operator<'_>) -> String {
    let debug = format!("{operator:?}");
    let debug = debug.split([' ', '{', '(']).next().unwrap();
    if debug == "TypedSelect" {
        return "select".into();
    }
    let mut name = String::new();
    let chars: Vec<char> = debug.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// Loops whose first block has nothing in it that costs.
fn empty_loops(operators: &[Operator<'_>]) -> Vec<bool> {
    let construct = construct_of_ends(operators);
    let mut empty = vec![false; operators.len()];
    for (i, operator) in operators.iter().enumerate() {
        if !matches!(operator, Operator::Loop { .. }) {
            continue;
        }
        for (j, next) in operators.iter().enumerate().skip(i + 1) {
            let (stop, nothing) = match next {
                Operator::Nop | Operator::Block { .. } => (false, true),
                Operator::Loop { .. } | Operator::Else => (true, true),
                Operator::End => match construct[j] {
                    Some((Operator::Loop { .. }, _)) | Some((Operator::Block { .. }, false)) => (false, true),
                    _ => (true, true),
                },
                _ => (true, false),
            };
            if stop {
                empty[i] = nothing;
                break;
            }
        }
    }
    empty
}

type Ended<'a> = Option<(Operator<'a>, bool)>;

/// For each `end`: what opened the construct, and whether a branch that can execute targets it. A walk in one go, by a list of what can execute.
fn construct_of_ends<'a>(operators: &[Operator<'a>]) -> Vec<Ended<'a>> {
    struct Open {
        at: usize,
        reachable: bool,
        targeted: bool,
        has_else: bool,
        arm_falls: bool,
    }
    let mut open = vec![Open { at: usize::MAX, reachable: true, targeted: false, has_else: false, arm_falls: false }];
    let mut live = true;
    let mut ended = vec![None; operators.len()];
    for (i, operator) in operators.iter().enumerate() {
        let mut target = |depth: u32| {
            let place = open.len() - 1 - depth as usize;
            if live {
                open[place].targeted = true;
            }
        };
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                open.push(Open { at: i, reachable: live, targeted: false, has_else: false, arm_falls: false });
            }
            Operator::Br { relative_depth } => {
                target(*relative_depth);
                live = false;
            }
            Operator::BrIf { relative_depth } => target(*relative_depth),
            Operator::BrTable { targets } => {
                targets.targets().map(Result::unwrap).chain([targets.default()]).for_each(target);
                live = false;
            }
            Operator::Return | Operator::Unreachable => live = false,
            Operator::Else => {
                let last = open.last_mut().unwrap();
                last.has_else = true;
                last.arm_falls = live;
                live = last.reachable;
            }
            Operator::End => {
                let closed = open.pop().unwrap();
                if closed.at != usize::MAX {
                    let opener = &operators[closed.at];
                    let without_else = matches!(opener, Operator::If { .. }) && !closed.has_else && closed.reachable;
                    live |= without_else || closed.arm_falls || (closed.targeted && !matches!(opener, Operator::Loop { .. }));
                    ended[i] = Some((opener.clone(), closed.targeted));
                }
            }
            _ => {}
        }
    }
    ended
}
