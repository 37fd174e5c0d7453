//! One pass over the binary: counts everything, and keeps what the other checks need. Reads on after what it cannot read.

use crate::body;
use crate::facts::{ExportFact, Facts, LISTED, kind_name, signature};
use crate::features::ADMITTED;
use crate::limit::Limit;
use crate::measure::Measure;
use crate::quote::shortened;
use crate::report::Findings;
use wasmparser::{
    CompositeInnerType, DataKind, ElementItems, ElementKind, Encoding, Error, ExternalKind, FromReader, FuncType, Operator, Parser,
    Payload, SectionLimited, TypeRef,
};

/// What the pass keeps of a module.
#[derive(Default)]
pub(crate) struct Module<'a> {
    types: Vec<Option<FuncType>>,
    /// Type indices of imported and defined functions, in index order.
    functions: Vec<u32>,
    pub(crate) imported_functions: u32,
    pub(crate) imports: Vec<Import<'a>>,
    pub(crate) exports: Vec<Export<'a>>,
    /// Initial sizes of defined tables and memories: entries, pages; with their places.
    pub(crate) tables: Vec<(u64, usize)>,
    pub(crate) memories: Vec<(u64, usize)>,
    pub(crate) segments: Vec<Segment>,
    /// Contents of each `pyde.abi` section with their places.
    pub(crate) abi: Vec<(&'a [u8], usize)>,
    pub(crate) facts: Facts,
    /// Where and why reading stopped somewhere. Such a module is refused even if nothing else is wrong.
    pub(crate) unread: Option<Error>,
}

pub(crate) struct Import<'a> {
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ty: TypeRef,
    pub(crate) offset: usize,
}

pub(crate) struct Export<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: ExternalKind,
    pub(crate) index: u32,
    pub(crate) offset: usize,
}

/// An active segment.
pub(crate) struct Segment {
    pub(crate) target: Target,
    /// Index of the memory or table.
    pub(crate) index: u32,
    /// The constant offset, if it is one.
    pub(crate) at: Option<u32>,
    /// Bytes or entries.
    pub(crate) len: u64,
    /// Place in the module.
    pub(crate) offset: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Memory,
    Table,
}

impl Module<'_> {
    /// Type of a function by index (imports first).
    pub(crate) fn function_type(&self, index: u32) -> Option<&FuncType> {
        let ty = *self.functions.get(usize::try_from(index).ok()?)?;
        self.type_at(ty)
    }

    /// A function type by index.
    pub(crate) fn type_at(&self, index: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(index).ok()?)?.as_ref()
    }

    /// Whether an exported function exists with type `() -> ()`.
    pub(crate) fn is_unit(&self, index: u32) -> bool {
        self.function_type(index).is_some_and(|t| t.params().is_empty() && t.results().is_empty())
    }
}

/// Reads `wasm`; counts into `measure`, says excesses into `findings`.
pub(crate) fn scan<'a>(wasm: &'a [u8], measure: &mut Measure<'_>, findings: &mut Findings) -> Module<'a> {
    let mut scan = Scan { module: Module::default(), measure, findings, bodies: 0 };
    let mut parser = Parser::new(0);
    parser.set_features(ADMITTED);
    for payload in parser.parse_all(wasm) {
        let result = match payload {
            Ok(Payload::Version { encoding: Encoding::Component, .. }) => break,
            Ok(Payload::CodeSectionEntry(body)) => {
                scan.body(&body);
                continue;
            }
            Ok(payload) => scan.payload(payload),
            Err(e) => Err(e),
        };
        if let Err(e) = result {
            scan.stopped(e, None);
        }
    }
    scan.finish()
}

struct Scan<'a, 's, 'f> {
    module: Module<'a>,
    measure: &'f mut Measure<'s>,
    findings: &'f mut Findings,
    bodies: u32,
}

impl<'a> Scan<'a, '_, '_> {
    fn payload(&mut self, payload: Payload<'a>) -> Result<(), Error> {
        match payload {
            Payload::TypeSection(s) => self.items(s, |this, offset, group: wasmparser::RecGroup| {
                for ty in group.into_types() {
                    this.measure.add(Limit::Types, 1, offset);
                    let ty = match ty.composite_type.inner {
                        CompositeInnerType::Func(f) => Some(f),
                        _ => None,
                    };
                    if let Some(f) = &ty {
                        this.measure.peak(this.findings, Limit::Parameters, f.params().len() as u64, offset, None);
                        this.measure.peak(this.findings, Limit::Results, f.results().len() as u64, offset, None);
                    }
                    this.module.types.push(ty);
                }
            }),
            Payload::ImportSection(s) => {
                for import in s.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    self.import(offset, import);
                }
                Ok(())
            }
            Payload::FunctionSection(s) => self.items(s, |this, offset, ty: u32| {
                this.measure.add(Limit::Functions, 1, offset);
                this.function(offset, ty);
            }),
            Payload::TableSection(s) => self.items(s, |this, offset, table: wasmparser::Table<'_>| {
                this.measure.add(Limit::Tables, 1, offset);
                this.measure.peak(this.findings, Limit::TableEntries, table.ty.initial, offset, None);
                this.module.tables.push((table.ty.initial, offset));
            }),
            Payload::MemorySection(s) => self.items(s, |this, offset, memory: wasmparser::MemoryType| {
                this.measure.add(Limit::Memories, 1, offset);
                if this.module.memories.is_empty() {
                    this.module.facts.memory_pages = Some(memory.initial);
                    this.module.facts.memory_maximum = memory.maximum;
                }
                this.module.memories.push((memory.initial, offset));
            }),
            Payload::GlobalSection(s) => self.items(s, |this, offset, global: wasmparser::Global<'_>| {
                this.measure.add(Limit::Globals, 1, offset);
                if global.ty.mutable {
                    this.measure.add(Limit::MutableGlobals, 1, offset);
                }
            }),
            Payload::ExportSection(s) => self.items(s, |this, offset, e: wasmparser::Export<'a>| {
                this.measure.add(Limit::Exports, 1, offset);
                this.name(e.name, offset);
                this.module.exports.push(Export { name: e.name, kind: e.kind, index: e.index, offset });
            }),
            Payload::StartSection { .. } => {
                self.module.facts.start = true;
                Ok(())
            }
            Payload::ElementSection(s) => self.items(s, Self::element),
            Payload::DataSection(s) => self.items(s, Self::data),
            Payload::CodeSectionStart { range, .. } => {
                self.module.facts.code_bytes = range.len() as u64;
                Ok(())
            }
            Payload::CustomSection(s) => {
                let (range, offset) = (s.range(), s.data_offset());
                self.measure.add(Limit::CustomBytes, range.len() as u64, range.start);
                self.name(s.name(), range.start);
                if self.module.facts.customs.len() < LISTED {
                    self.module.facts.customs.push((shortened(s.name()), s.data().len() as u64));
                }
                if s.name() == crate::abi::SECTION {
                    self.module.abi.push((s.data(), offset));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn body(&mut self, body: &wasmparser::FunctionBody<'_>) {
        let function = self.module.imported_functions.saturating_add(self.bodies);
        self.bodies = self.bodies.saturating_add(1);
        if let Err(e) = body::measure(body, function, self.measure, self.findings) {
            self.stopped(e, Some(function));
        }
    }

    /// Each item of a section with its place, up to the first that cannot be read.
    fn items<T: FromReader<'a>>(&mut self, section: SectionLimited<'a, T>, mut each: impl FnMut(&mut Self, usize, T)) -> Result<(), Error> {
        for item in section.into_iter_with_offsets() {
            let (offset, item) = item?;
            each(self, offset, item);
        }
        Ok(())
    }

    fn import(&mut self, offset: usize, import: wasmparser::Import<'a>) {
        self.measure.add(Limit::Imports, 1, offset);
        self.name(import.module, offset);
        self.name(import.name, offset);
        if let TypeRef::Func(ty) = import.ty {
            self.module.imported_functions = self.module.imported_functions.saturating_add(1);
            self.function(offset, ty);
        }
        if self.module.facts.imports.len() < LISTED {
            self.module.facts.imports.push(format!("{}.{}", shortened(import.module), shortened(import.name)));
        }
        self.module.imports.push(Import { module: import.module, name: import.name, ty: import.ty, offset });
    }

    fn function(&mut self, offset: usize, ty: u32) {
        let parameters = self.module.type_at(ty).map_or(0, |t| t.params().len() as u64);
        self.measure.add(Limit::ParametersTotal, parameters, offset);
        self.module.functions.push(ty);
    }

    fn name(&mut self, name: &str, offset: usize) {
        self.measure.peak(self.findings, Limit::NameBytes, name.len() as u64, offset, None);
    }

    fn element(&mut self, offset: usize, element: wasmparser::Element<'a>) {
        let count = match &element.items {
            ElementItems::Functions(items) => u64::from(items.count()),
            ElementItems::Expressions(_, items) => {
                self.measure.add(Limit::ElementExpressions, u64::from(items.count()), offset);
                u64::from(items.count())
            }
        };
        self.measure.add(Limit::ElementSegments, 1, offset);
        self.measure.add(Limit::ElementEntries, count, offset);
        if let ElementKind::Active { table_index, offset_expr } = element.kind {
            let index = table_index.unwrap_or(0);
            self.module.segments.push(Segment { target: Target::Table, index, at: constant(&offset_expr), len: count, offset });
        }
    }

    fn data(&mut self, offset: usize, data: wasmparser::Data<'a>) {
        let len = data.data.len() as u64;
        self.measure.add(Limit::DataSegments, 1, offset);
        self.measure.add(Limit::DataBytes, len, offset);
        if let DataKind::Active { memory_index, offset_expr } = data.kind {
            let at = constant(&offset_expr);
            self.module.segments.push(Segment { target: Target::Memory, index: memory_index, at, len, offset });
        }
    }

    /// Keeps the first error. Where the reader has a limit of its own, above the schedule's, the reason is the schedule's.
    fn stopped(&mut self, error: Error, function: Option<u32>) {
        let limit = match error.message() {
            "function params size is out of bounds" => Some(Limit::Parameters),
            "function returns size is out of bounds" => Some(Limit::Results),
            "string size out of bounds" => Some(Limit::NameBytes),
            "too many locals" => Some(Limit::Locals),
            _ => None,
        };
        if let Some(limit) = limit {
            self.measure.unmeasured(self.findings, limit, error.offset(), function);
        }
        self.module.unread.get_or_insert(error);
    }

    fn finish(self) -> Module<'a> {
        let mut module = self.module;
        self.measure.finish(self.findings);
        let exports = module.exports.iter().take(LISTED).map(|e| ExportFact {
            name: shortened(e.name),
            kind: kind_name(e.kind),
            ty: (e.kind == ExternalKind::Func).then(|| module.function_type(e.index).map(signature)).flatten(),
        });
        module.facts.exports = exports.collect();
        module
    }
}

/// The value of an offset expression that is one `i32.const`.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Option<u32> {
    let mut operators = expression.get_operators_reader();
    match (operators.read(), operators.read()) {
        (Ok(Operator::I32Const { value }), Ok(Operator::End)) if operators.eof() => Some(value.cast_unsigned()),
        _ => None,
    }
}
