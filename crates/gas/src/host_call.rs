//! The meter that many chains use, for comparison only: each block calls a host function with its cost. Same blocks, same costs, no
//! refunds, no stack rule. `detent bench meters` measures what the own cell saves over it.

use crate::Options;
use crate::blocks::blocks;
use crate::control::Control;
use crate::module::{Module, invalid, malformed};
use crate::plan::Plan;
use detent_protocol::{Fault, Schedule};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, EntityType, ImportSection, Instruction, SectionId, TypeSection, ValType};

/// Module of the import that [`host_call_meter`] adds.
pub const METER_MODULE: &str = "detent";
/// Its name; type `(i64) -> ()`.
pub const METER_NAME: &str = "charge";

/// Rewrites a module without imports so that each block first calls `detent.charge(cost)`.
///
/// `module_malformed` for bytes that are no module, or one that imports something.
pub fn host_call_meter(wasm: &[u8], schedule: &Schedule) -> Result<Vec<u8>, Fault> {
    let module = Module::parse(wasm)?;
    if !module.imports.is_empty() {
        return Err(invalid("this meter is for modules without imports"));
    }
    let plan = Plan::new(&module, schedule, &Options::default())?;
    let mut costs = Vec::with_capacity(module.bodies.len());
    for place in 0..module.bodies.len() {
        let (Some(body), Some(survey)) = (module.bodies.get(place), plan.surveys.get(place)) else { continue };
        let found = blocks(body, survey.locals, &plan.cutting(), &plan.prices, schedule)?;
        costs.push(found.list.iter().map(|block| block.cost).collect());
    }
    let mut meter = HostCall { plan: &plan, costs, place: 0, charge_type: 0, imported: false };
    let mut out = wasm_encoder::Module::new();
    meter.parse_core_module(&mut out, wasmparser::Parser::new(0), wasm).map_err(|error| match error {
        Error::ParseError(error) => malformed(error),
        other => invalid(&other.to_string()),
    })?;
    Ok(out.finish())
}

struct HostCall<'a> {
    plan: &'a Plan<'a>,
    /// Of the blocks of each defined function.
    costs: Vec<Vec<u64>>,
    place: usize,
    charge_type: u32,
    imported: bool,
}

type Outcome = Result<(), Error<Infallible>>;

impl Reencode for HostCall<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(function + 1) // behind the import
    }

    fn parse_type_section(&mut self, types: &mut TypeSection, section: wasmparser::TypeSectionReader<'_>) -> Outcome {
        utils::parse_type_section(self, types, section)?;
        self.charge_type = types.len();
        types.ty().function([ValType::I64], []);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut wasm_encoder::Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Outcome {
        if before == Some(SectionId::Function) && !self.imported {
            self.imported = true;
            let mut imports = ImportSection::new();
            imports.import(METER_MODULE, METER_NAME, EntityType::Function(self.charge_type));
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: wasmparser::FunctionBody<'_>) -> Outcome {
        let mut costs = std::mem::take(self.costs.get_mut(self.place).unwrap_or(&mut Vec::new())).into_iter();
        self.place += 1;
        let cutting = self.plan.cutting();
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut charge = |function: &mut wasm_encoder::Function| {
            if let Some(cost @ 1..) = costs.next() {
                function.instruction(&Instruction::I64Const(cost as i64)).instruction(&Instruction::Call(0));
            }
        };
        charge(&mut function);
        let mut control = Control::new();
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let begins = control.step(&operator, |o| cutting.cuts(o)).is_ok_and(|step| step.begins);
            let instruction = self.instruction(operator)?;
            function.instruction(&instruction);
            if begins {
                charge(&mut function);
            }
        }
        code.function(&function);
        Ok(())
    }
}
