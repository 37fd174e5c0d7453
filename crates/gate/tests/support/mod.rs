//! What the gate's tests share: building modules and naming reasons.
#![allow(dead_code)] // each test crate uses a part

pub mod at_caps;
pub mod edge;

use detent_gate::abi::{Attributes, ContractAbi, ContractKind, FunctionAbi, SECTION, StateSchema, V1_2};
use detent_gate::{Profile, Report, check};
use wasm_encoder::{
    CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, InstructionSink,
    MemorySection, MemoryType, Module, RawSection, TypeSection, ValType,
};

/// The text format.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"))
}

/// A section that declares entries of those names.
pub fn abi(entries: &[&str]) -> ContractAbi {
    ContractAbi {
        version: V1_2,
        kind: ContractKind::Contract,
        functions: entries.iter().map(|n| FunctionAbi::new(*n, Attributes::ENTRY, vec![], None)).collect(),
        state_schema_hash: [0; 32],
        constructor_index: None,
        fallback_index: None,
        receive_index: None,
        name: "test".into(),
        contract_version: "1.0.0".into(),
        events: vec![],
        parachain_imports: vec![],
        state_schema: Some(StateSchema::default()),
        types: vec![],
    }
}

/// `wasm` with a custom section at its end.
pub fn with_custom(mut wasm: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&CustomSection { name: name.into(), data: data.into() });
    wasm.extend_from_slice(&module.as_slice()[8..]);
    wasm
}

/// `wasm` with the section that declares those entries.
pub fn with_abi(wasm: Vec<u8>, entries: &[&str]) -> Vec<u8> {
    with_custom(wasm, SECTION, &abi(entries).encode())
}

/// A whole contract from the text format: declares the entry `run`.
pub fn contract(text: &str) -> Vec<u8> {
    with_abi(wat(text), &["run"])
}

/// The report for a contract.
pub fn report(wasm: &[u8]) -> Report {
    check(wasm, Profile::Contract)
}

/// Names of the broken rules, in order, each once.
pub fn rules(report: &Report) -> Vec<&'static str> {
    let mut names: Vec<_> = report.reasons.iter().map(|r| r.rule.name()).collect();
    names.dedup();
    names
}

/// Every reason has words, a catalogued code and a place inside the file.
pub fn well_formed(report: &Report, wasm: &[u8]) {
    for r in &report.reasons {
        assert!(!r.message.is_empty() && !r.hint.is_empty(), "{r:?}");
        assert!(r.offset.is_none_or(|o| o <= wasm.len()), "{r:?} in {} bytes", wasm.len());
        assert!(r.message.len() < 1000, "{} bytes of message", r.message.len());
    }
    let mut sorted = report.reasons.clone();
    sorted.sort_by_key(|r| r.rule);
    assert!(sorted.iter().zip(&report.reasons).all(|(a, b)| a.rule == b.rule), "out of precedence: {report}");
}

/// Builds modules piece by piece, with one exported memory of a page and an entry `run` as function 0, wrapped as a contract.
pub struct Shape {
    pub types: TypeSection,
    pub imports: ImportSection,
    pub functions: FunctionSection,
    pub exports: ExportSection,
    pub code: CodeSection,
    /// Whole sections by id, put in their places.
    pub more: Vec<(u8, Vec<u8>)>,
    pub pages: u64,
    imported: u32,
}

impl Shape {
    /// Type 0 is `() -> ()`.
    pub fn new() -> Shape {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        let (imports, functions, code) = (ImportSection::new(), FunctionSection::new(), CodeSection::new());
        Shape { types, imports, functions, exports, code, more: vec![], pages: 1, imported: 0 }
    }

    pub fn import(&mut self, module: &str, name: &str, ty: u32) {
        self.imports.import(module, name, EntityType::Function(ty));
        self.imported += 1;
    }

    /// A function of a type with locals and operators, `end` included; its index.
    pub fn function(&mut self, ty: u32, locals: &[(u32, ValType)], operators: impl FnOnce(&mut InstructionSink<'_>)) -> u32 {
        self.functions.function(ty);
        let mut f = Function::new(locals.iter().copied());
        operators(&mut f.instructions());
        self.code.function(&f);
        self.imported + self.functions.len() - 1
    }

    /// A function of raw operators; `end` is added.
    pub fn raw(&mut self, ty: u32, operators: &[u8]) -> u32 {
        self.functions.function(ty);
        let mut body = vec![0];
        body.extend_from_slice(operators);
        body.push(0x0b);
        self.code.raw(&body);
        self.imported + self.functions.len() - 1
    }

    /// A contract whose entry is an empty function.
    pub fn finish(mut self) -> Vec<u8> {
        let run = self.function(0, &[], |i| {
            i.end();
        });
        self.exports.export("run", ExportKind::Func, run);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: self.pages, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut module = Module::new();
        // wasm order: types, imports, functions, tables 4, memories, globals 6, exports, start 8, elements 9, data count 12, code, data 11
        let put = |ids: &[u8], module: &mut Module| {
            for (id, data) in self.more.iter().filter(|(id, _)| ids.contains(id)) {
                module.section(&RawSection { id: *id, data });
            }
        };
        module.section(&self.types);
        module.section(&self.imports);
        module.section(&self.functions);
        put(&[4], &mut module);
        module.section(&memories);
        put(&[6], &mut module);
        module.section(&self.exports);
        put(&[8], &mut module);
        put(&[9], &mut module);
        put(&[12], &mut module);
        module.section(&self.code);
        put(&[11], &mut module);
        put(&[0], &mut module);
        with_abi(module.finish(), &["run"])
    }
}

/// Unsigned LEB128.
pub fn leb(mut value: u64) -> Vec<u8> {
    let mut out = vec![];
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A section's content: a count and that many copies of an item.
pub fn repeated(count: usize, item: &[u8]) -> Vec<u8> {
    let mut out = leb(count as u64);
    out.extend(item.repeat(count));
    out
}
