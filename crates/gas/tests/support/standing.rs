//! Stands in for an engine that says where an activation stood: writes into a module in side form, before each operator that can trap or call,
//! what the side table has for that operator's offset. So the table is judged by running it, offsets included.

use detent_gas::Deterministic;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType, ValType};
use wasmparser::{FunctionBody, GlobalSectionReader, Operator, Parser, Payload};

struct Standing<'a> {
    form: &'a Deterministic,
    /// Index of the global that sums refunds over activations; the next one is what the innermost has not paid.
    refund: u32,
    parameters: Vec<u32>,
    done: usize,
}

pub fn instrument(form: &Deterministic) -> Vec<u8> {
    let (mut types, mut globals, mut parameters) = (Vec::new(), 0, Vec::new());
    for payload in Parser::new(0).parse_all(&form.wasm) {
        match payload.unwrap() {
            Payload::TypeSection(s) => types = s.into_iter_err_on_gc_types().map(|t| t.unwrap().params().len() as u32).collect(),
            Payload::FunctionSection(s) => parameters = s.into_iter().map(|t| types[t.unwrap() as usize]).collect(),
            Payload::GlobalSection(s) => globals = s.count(),
            _ => {}
        }
    }
    let mut standing = Standing { form, refund: globals, parameters, done: 0 };
    let mut module = wasm_encoder::Module::new();
    standing.parse_core_module(&mut module, Parser::new(0), &form.wasm).unwrap();
    module.finish()
}

/// By the debug name of the operator: not how the rewriter does it.
pub fn stands(operator: &Operator<'_>) -> bool {
    let name = format!("{operator:?}");
    let name = name.split([' ', '{', '(']).next().unwrap();
    let integer = name.starts_with('I');
    name.contains("Load")
        || name.contains("Store")
        || (integer && (name.contains("Div") || name.contains("Rem") || (name.contains("Trunc") && !name.contains("Sat"))))
        || ["Unreachable", "Call", "CallIndirect", "MemoryInit", "MemoryCopy", "MemoryFill", "TableInit", "TableCopy"].contains(&name)
}

impl Reencode for Standing<'_> {
    type Error = std::convert::Infallible;

    fn parse_global_section(&mut self, out: &mut GlobalSection, section: GlobalSectionReader<'_>) -> Result<(), Error> {
        RoundtripReencoder.parse_global_section(out, section)?;
        for _ in ["refund", "unpaid"] {
            out.global(GlobalType { val_type: ValType::I64, mutable: true, shared: false }, &ConstExpr::i64_const(0));
        }
        Ok(())
    }

    fn parse_export_section(&mut self, out: &mut ExportSection, section: wasmparser::ExportSectionReader<'_>) -> Result<(), Error> {
        RoundtripReencoder.parse_export_section(out, section)?;
        // Where the fine form has its own cell of this kind.
        out.export("detent:owed", ExportKind::Global, self.refund).export("detent:unpaid", ExportKind::Global, self.refund + 1);
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let mut locals: Vec<_> =
            body.get_locals_reader()?.into_iter().map(|l| l.unwrap()).map(|(n, t)| (n, t.try_into().unwrap())).collect();
        let base = self.parameters[self.done] + locals.iter().map(|(n, _)| n).sum::<u32>();
        self.done += 1;
        locals.push((1, ValType::I64));
        let mut function = Function::new(locals);
        function.instructions().global_get(self.refund).local_set(base);
        for operator in body.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = operator.unwrap();
            if stands(&operator) {
                let place = self.form.side.place(offset as u32);
                let mut code = function.instructions();
                code.local_get(base).i64_const(place.refund as i64).i64_add().global_set(self.refund);
                code.i64_const(place.unpaid as i64).global_set(self.refund + 1);
            }
            function.instruction(&RoundtripReencoder.instruction(operator)?);
        }
        code.function(&function);
        Ok(())
    }
}
