//! Puts the rewritten module together, section by section.

use crate::facts::{Export as ExportFact, Facts, Import as ImportFact};
use crate::function;
use crate::helpers;
use crate::module::{Module, invalid};
use crate::plan::{Added, Plan};
use crate::side::{Place, SideTable};
use crate::{Deterministic, RESERVED};
use detent_protocol::{Code, Fault};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, ElementSection, Elements, Encode, ExportKind, ExportSection, FunctionSection, GlobalSection,
    GlobalType, ImportSection, MemorySection, RawSection, SectionId, TableSection, TypeSection, ValType,
};
use wasmparser::ExternalKind;

/// Copies what refers to functions: all indexes stay, but what stands for an import takes its place.
struct References<'a>(&'a Plan<'a>);

impl Reencode for References<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(self.0.reference(function))
    }
}

fn encoded<T>(result: Result<T, reencode::Error>) -> Result<T, Fault> {
    result.map_err(|e| Fault::new(Code::ModuleMalformed, e.to_string()))
}

/// Writes the whole module.
pub(crate) fn assemble(plan: &Plan<'_>) -> Result<Deterministic, Fault> {
    let module = plan.module;
    let mut out = wasm_encoder::Module::new();
    out.section(&types(plan)?);
    out.section(&imports(module)?);
    let mut functions = FunctionSection::new();
    for place in 0..module.bodies.len() {
        functions.function(plan.type_in_form(module.function(place))?);
    }
    plan.added.iter().for_each(|(_, ty)| {
        functions.function(*ty);
    });
    out.section(&functions);
    if let Some(tables) = tables(plan)? {
        out.section(&tables);
    }
    if let Some(memory) = module.memory.filter(|_| !module.memory_is_imported) {
        let maximum = helpers::memory_maximum(&memory, plan.schedule.limits.memory_pages);
        let mut memories = MemorySection::new();
        memories.memory(encoded(reencode::RoundtripReencoder.memory_type(wasmparser::MemoryType { maximum: Some(maximum), ..memory }))?);
        out.section(&memories);
    }
    out.section(&globals(plan)?);
    let mut facts = facts(plan)?;
    out.section(&exports(plan, &mut facts)?);
    if let Some(elements) = elements(plan)? {
        out.section(&elements);
    }
    if let Some(count) = module.data_count {
        out.section(&DataCountSection { count });
    }
    let (code, places) = code(plan)?;
    let side = side(&out, &code, places)?;
    out.section(&code);
    if let Some(data) = module.data.clone() {
        let data = module.wasm.get(data).ok_or_else(|| invalid("data section outside the module"))?;
        out.section(&RawSection { id: SectionId::Data.into(), data });
    }
    Ok(Deterministic { wasm: out.finish(), form: plan.form, side, facts })
}

fn types(plan: &Plan<'_>) -> Result<TypeSection, Fault> {
    let mut types = TypeSection::new();
    for ty in &plan.types {
        let ty = encoded(reencode::RoundtripReencoder.func_type(ty.clone()))?;
        types.ty().func_type(&ty);
    }
    Ok(types)
}

fn imports(module: &Module<'_>) -> Result<ImportSection, Fault> {
    let mut imports = ImportSection::new();
    for import in &module.imports {
        imports.import(import.module, import.name, encoded(reencode::RoundtripReencoder.entity_type(import.ty))?);
    }
    Ok(imports)
}

fn tables(plan: &Plan<'_>) -> Result<Option<TableSection>, Fault> {
    let mut tables = TableSection::new();
    for table in &plan.module.tables {
        let mut table = table.clone();
        let cap = u64::from(plan.schedule.limits.table_elements);
        // As with memories: the gate refuses a minimum above the cap.
        table.ty.maximum = Some(table.ty.maximum.unwrap_or(cap).min(cap).max(table.ty.initial));
        encoded(References(plan).parse_table(&mut tables, table))?;
    }
    Ok(Some(tables).filter(|t| !t.is_empty()))
}

fn globals(plan: &Plan<'_>) -> Result<GlobalSection, Fault> {
    let mut globals = GlobalSection::new();
    for global in &plan.module.globals {
        encoded(References(plan).parse_global(&mut globals, global.clone()))?;
    }
    // In the order of `Cells`.
    let cell = |val_type| GlobalType { val_type, mutable: true, shared: false };
    globals.global(cell(ValType::I64), &ConstExpr::i64_const(0));
    for _ in ["rest", "pages", "status", "flags"] {
        globals.global(cell(ValType::I32), &ConstExpr::i32_const(0));
    }
    if plan.cells.owed.is_some() {
        globals.global(cell(ValType::I64), &ConstExpr::i64_const(0));
    }
    Ok(globals)
}

/// Writes exports; completes what the facts say of them.
fn exports(plan: &Plan<'_>, facts: &mut Facts) -> Result<ExportSection, Fault> {
    let module = plan.module;
    let mut exports = ExportSection::new();
    for export in &module.exports {
        let kind = encoded(reencode::RoundtripReencoder.export_kind(export.kind))?;
        let index = if export.kind == ExternalKind::Func {
            facts.exports.push(ExportFact { name: export.name.to_owned(), ty: module.signature(export.index)? });
            plan.index_of(Added::Entry(export.index)).unwrap_or(export.index)
        } else {
            export.index
        };
        if export.kind == ExternalKind::Memory && facts.memory.is_none() {
            facts.memory = Some(export.name.to_owned());
        }
        exports.export(export.name, kind, index);
    }
    let mut add = |name: &str, kind, index| {
        exports.export(&format!("{RESERVED}{name}"), kind, index);
    };
    let cells = plan.cells;
    for (name, cell) in [("gas", cells.gas), ("rest", cells.rest), ("pages", cells.pages), ("status", cells.status), ("flags", cells.flags)]
    {
        add(name, ExportKind::Global, cell);
    }
    if let Some(owed) = cells.owed {
        add("owed", ExportKind::Global, owed);
    }
    if let Some(start) = module.start {
        add("start", ExportKind::Func, plan.index_of(Added::Entry(start)).unwrap_or(start));
    }
    if module.memory.is_some() && facts.memory.is_none() {
        add("memory", ExportKind::Memory, 0);
        facts.memory = Some(format!("{RESERVED}memory"));
    }
    let mutable = (module.imported_globals..).zip(&module.globals).filter(|(_, g)| g.ty.mutable);
    for (place, (index, _)) in (0u32..).zip(mutable) {
        add(&format!("g{place}"), ExportKind::Global, index);
        facts.mutable_globals = place + 1;
    }
    Ok(exports)
}

fn elements(plan: &Plan<'_>) -> Result<Option<ElementSection>, Fault> {
    let mut elements = ElementSection::new();
    for element in &plan.module.elements {
        encoded(References(plan).parse_element(&mut elements, element.clone()))?;
    }
    // `ref.func` wants its function declared; an export may have done that, and now exports another.
    let mut referenced: Vec<u32> = plan.surveys.iter().flat_map(|s| &s.references).map(|f| plan.reference(*f)).collect();
    referenced.sort_unstable();
    referenced.dedup();
    if !referenced.is_empty() {
        elements.declared(Elements::Functions(referenced.into()));
    }
    Ok(Some(elements).filter(|e| !e.is_empty()))
}

/// Writes all bodies; what to settle by offset in the section's bodies.
fn code(plan: &Plan<'_>) -> Result<(CodeSection, Vec<(usize, Place)>), Fault> {
    let mut code = CodeSection::new();
    let mut places = Vec::new();
    for place in 0..plan.module.bodies.len() {
        let written = function::write(plan, place)?;
        code.raw(&written.body);
        // The body lies at the end of what is there now.
        let start = code.byte_len() - written.body.len();
        places.extend(written.places.into_iter().map(|(offset, place)| (start + offset as usize, place)));
    }
    for (added, _) in &plan.added {
        code.function(&helpers::write(plan, added)?);
    }
    Ok((code, places))
}

/// Moves places to offsets in the module, given what precedes the code section.
fn side(before: &wasm_encoder::Module, code: &CodeSection, places: Vec<(usize, Place)>) -> Result<SideTable, Fault> {
    // The section: its id, its size, the number of bodies, the bodies.
    let mut section = Vec::new();
    code.encode(&mut section);
    let shift = before.len() + 1 + section.len() - code.byte_len();
    let places = places.into_iter().map(|(offset, place)| {
        let offset = u32::try_from(shift + offset).map_err(|_| invalid("code beyond 4 GiB"))?;
        Ok((offset, place))
    });
    Ok(SideTable::from_places(places.collect::<Result<Vec<_>, Fault>>()?))
}

fn facts(plan: &Plan<'_>) -> Result<Facts, Fault> {
    let module = plan.module;
    let initial_pages = module.memory.map_or(0, |m| u32::try_from(m.initial).unwrap_or(u32::MAX));
    let mut imports = Vec::new();
    for (function, import) in (0u32..).zip(module.imports.iter().filter(|i| matches!(i.ty, wasmparser::TypeRef::Func(_)))) {
        imports.push(ImportFact { module: import.module.to_owned(), name: import.name.to_owned(), ty: module.signature(function)? });
    }
    let originals = (0u32..).take(module.functions.len()).map(Some);
    Ok(Facts {
        instance_charge: instance_charge(plan, initial_pages),
        initial_pages,
        imports,
        start: module.start.is_some(),
        origin: originals.chain(std::iter::repeat_n(None, plan.added.len())).collect(),
        names: module.names.clone(),
        ..Facts::default()
    })
}

/// Section 4 of the page.
fn instance_charge(plan: &Plan<'_>, initial_pages: u32) -> u64 {
    let (module, prices) = (plan.module, &plan.schedule.instance);
    let parts = [
        (prices.memory_page, u64::from(initial_pages)),
        (prices.data_word, module.data_bytes.div_ceil(8)),
        (prices.element, plan.element_entries),
        (prices.global, module.globals.len() as u64),
        (prices.code_word, module.code_bytes.div_ceil(8)),
    ];
    parts.iter().fold(u64::from(prices.base), |sum, (price, count)| sum.saturating_add(u64::from(*price).saturating_mul(*count)))
}
