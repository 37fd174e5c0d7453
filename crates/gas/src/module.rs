//! The original module, parsed: what the rewriter must know of each section, and the bytes it may copy.

use crate::facts::{FuncType as Signature, ValType};
use detent_protocol::{Code, Fault};
use std::collections::HashMap;
use std::ops::Range;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, DataSectionReader, Element, ElementItems, ElementKind, Export, FuncType, FunctionBody, Global,
    Import, KnownCustom, MemoryType, Name, Operator, Parser, Payload, SubType, Table, TypeRef, WasmFeatures,
};

/// Everything of WebAssembly 2.0 but vectors. Wider than the gate, which decides what a chain admits.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2.difference(WasmFeatures::SIMD)
}

/// The fault for bytes that are not a module.
pub(crate) fn malformed(error: BinaryReaderError) -> Fault {
    Fault::new(Code::ModuleMalformed, error.message()).at(format_args!("{:#x}", error.offset()))
}

/// The fault for a module that parses and yet cannot be valid.
pub(crate) fn invalid(what: &str) -> Fault {
    Fault::new(Code::ModuleMalformed, what)
}

/// A module's sections.
#[derive(Default)]
pub(crate) struct Module<'a> {
    /// The whole binary; offsets of operators point into it.
    pub wasm: &'a [u8],
    /// Types by index; all are functions.
    pub types: Vec<SubType>,
    /// By type index: the first type index of the same structure.
    pub class: Vec<u32>,
    pub imports: Vec<Import<'a>>,
    /// Type index by function index, imported functions first.
    pub functions: Vec<u32>,
    pub imported_functions: u32,
    pub tables: Vec<Table<'a>>,
    pub memory: Option<MemoryType>,
    pub memory_is_imported: bool,
    pub imported_globals: u32,
    pub globals: Vec<Global<'a>>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    pub elements: Vec<Element<'a>>,
    /// Contents of the data section.
    pub data: Option<Range<usize>>,
    pub data_bytes: u64,
    pub data_count: Option<u32>,
    pub bodies: Vec<FunctionBody<'a>>,
    /// Size of the code section's contents.
    pub code_bytes: u64,
    /// Function names by index.
    pub names: Vec<Option<String>>,
}

impl<'a> Module<'a> {
    /// Parses a binary. Bodies are kept unread.
    pub fn parse(wasm: &'a [u8]) -> Result<Module<'a>, Fault> {
        let mut module = Module { wasm, ..Module::default() };
        let mut parser = Parser::new(0);
        parser.set_features(features());
        for payload in parser.parse_all(wasm) {
            module.take(payload.map_err(malformed)?)?;
        }
        if module.functions.len() != module.imported_functions as usize + module.bodies.len() {
            return Err(invalid("function and code sections differ in length"));
        }
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<(), Fault> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    self.types.push(SubType::func(ty.map_err(malformed)?, false));
                }
                self.classify();
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.import(import.map_err(malformed)?)?;
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(ty.map_err(malformed)?);
                }
            }
            Payload::TableSection(tables) => self.tables = all(tables)?,
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.set_memory(memory.map_err(malformed)?)?;
                }
            }
            Payload::GlobalSection(globals) => self.globals = all(globals)?,
            Payload::ExportSection(exports) => self.exports = all(exports)?,
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(elements) => self.elements = all(elements)?,
            Payload::DataCountSection { count, .. } => self.data_count = Some(count),
            Payload::DataSection(data) => self.data(data)?,
            Payload::CodeSectionStart { range, .. } => self.code_bytes = range.len() as u64,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(custom) => {
                if let KnownCustom::Name(names) = custom.as_known() {
                    self.names(names);
                }
            }
            Payload::Version { .. } | Payload::End(_) => {}
            _ => return Err(Fault::new(Code::FeatureRefused, "a section that is not of WebAssembly 2.0")),
        }
        Ok(())
    }

    fn classify(&mut self) {
        // Looked up only: the order of the map is never seen.
        let mut first: HashMap<FuncType, u32> = HashMap::new();
        for (index, ty) in (0u32..).zip(&self.types) {
            if let CompositeInnerType::Func(ty) = &ty.composite_type.inner {
                self.class.push(*first.entry(ty.clone()).or_insert(index));
            }
        }
    }

    fn import(&mut self, import: Import<'a>) -> Result<(), Fault> {
        match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
            }
            TypeRef::Global(_) => self.imported_globals += 1,
            TypeRef::Memory(memory) => {
                self.set_memory(memory)?;
                self.memory_is_imported = true;
            }
            TypeRef::Table(_) => {}
            _ => return Err(Fault::new(Code::FeatureRefused, "an import that is not of WebAssembly 2.0")),
        }
        self.imports.push(import);
        Ok(())
    }

    fn set_memory(&mut self, memory: MemoryType) -> Result<(), Fault> {
        if self.memory.is_some() || memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
            return Err(Fault::new(Code::FeatureRefused, "a memory that is not of WebAssembly 2.0"));
        }
        self.memory = Some(memory);
        Ok(())
    }

    fn data(&mut self, data: DataSectionReader<'a>) -> Result<(), Fault> {
        self.data = Some(data.range());
        for segment in data {
            self.data_bytes += segment.map_err(malformed)?.data.len() as u64;
        }
        Ok(())
    }

    /// Names are for people: whatever is wrong with them, the names read so far stay and the rest is ignored.
    fn names(&mut self, names: wasmparser::NameSectionReader<'a>) {
        for subsection in names {
            let Ok(Name::Function(functions)) = subsection else { continue };
            for naming in functions {
                let Ok(naming) = naming else { return };
                let index = naming.index as usize;
                // The name section usually comes last; where it does not, its names are lost, not trusted.
                if index >= self.functions.len() {
                    continue;
                }
                if self.names.len() <= index {
                    self.names.resize(index + 1, None);
                }
                if let Some(slot) = self.names.get_mut(index) {
                    *slot = Some(naming.name.to_owned());
                }
            }
        }
    }

    /// The type with an index.
    pub fn ty(&self, index: u32) -> Result<&FuncType, Fault> {
        match self.types.get(index as usize).map(|t| &t.composite_type.inner) {
            Some(CompositeInnerType::Func(ty)) => Ok(ty),
            _ => Err(invalid("type index out of range")),
        }
    }

    /// The type index of a function.
    pub fn type_of(&self, function: u32) -> Result<u32, Fault> {
        self.functions.get(function as usize).copied().ok_or_else(|| invalid("function index out of range"))
    }

    /// The structural class of a type index: equal for equal types.
    pub fn class(&self, ty: u32) -> Result<u32, Fault> {
        self.class.get(ty as usize).copied().ok_or_else(|| invalid("type index out of range"))
    }

    /// The place of a function among the defined ones, if it is not imported.
    pub fn defined(&self, function: u32) -> Option<usize> {
        function.checked_sub(self.imported_functions).map(|d| d as usize)
    }

    /// The function index of a defined function.
    pub fn function(&self, defined: usize) -> u32 {
        // The parser bounds functions far below 2^32.
        self.imported_functions.saturating_add(u32::try_from(defined).unwrap_or(u32::MAX))
    }

    /// A function's type in the crate's own words.
    pub fn signature(&self, function: u32) -> Result<Signature, Fault> {
        let ty = self.ty(self.type_of(function)?)?;
        let convert = |types: &[wasmparser::ValType]| {
            let one = |ty: &wasmparser::ValType| match ty {
                wasmparser::ValType::I32 => Ok(ValType::I32),
                wasmparser::ValType::I64 => Ok(ValType::I64),
                wasmparser::ValType::F32 => Ok(ValType::F32),
                wasmparser::ValType::F64 => Ok(ValType::F64),
                _ => Err(Fault::new(Code::FeatureRefused, "a reference or vector in the type of an import or export")),
            };
            types.iter().map(one).collect::<Result<Vec<_>, _>>()
        };
        Ok(Signature { params: convert(ty.params())?, results: convert(ty.results())? })
    }

    /// Functions that occur in element segments, initial values of globals and tables (once for each occurrence), and the
    /// number of entries of element segments.
    pub fn escaping(&self) -> Result<(Vec<u32>, u64), Fault> {
        let mut functions = Vec::new();
        let mut entries = 0;
        let constant = |expression: &wasmparser::ConstExpr<'a>, functions: &mut Vec<u32>| {
            let mut operators = expression.get_operators_reader();
            while !operators.eof() {
                if let Operator::RefFunc { function_index } = operators.read().map_err(malformed)? {
                    functions.push(function_index);
                }
            }
            Ok::<_, Fault>(())
        };
        for element in &self.elements {
            match &element.items {
                ElementItems::Functions(items) => {
                    for function in items.clone() {
                        functions.push(function.map_err(malformed)?);
                        entries += 1;
                    }
                }
                ElementItems::Expressions(_, items) => {
                    for expression in items.clone() {
                        constant(&expression.map_err(malformed)?, &mut functions)?;
                        entries += 1;
                    }
                }
            }
            if let ElementKind::Active { offset_expr, .. } = &element.kind {
                constant(offset_expr, &mut functions)?;
            }
        }
        for global in &self.globals {
            constant(&global.init_expr, &mut functions)?;
        }
        for table in &self.tables {
            if let wasmparser::TableInit::Expr(expression) = &table.init {
                constant(expression, &mut functions)?;
            }
        }
        Ok((functions, entries))
    }
}

fn all<'a, T: wasmparser::FromReader<'a>>(section: wasmparser::SectionLimited<'a, T>) -> Result<Vec<T>, Fault> {
    section.into_iter().collect::<Result<_, _>>().map_err(malformed)
}
