//! Hand-written modules that already have the cells of the deterministic form, and a host whose functions are closures.
#![allow(dead_code)] // each test file uses its part

use detent_engine::{Artefact, Budget, Call, Ended, Engine, Exit, Host, Instance, Reply, Settings};
use detent_gas::{Deterministic, Export, Facts, Form, FuncType, Import, SideTable, ValType};
use std::sync::Arc;

/// The cells, for the top of a module's globals.
pub const CELLS: &str = r#"
    (global $gas (export "detent:gas") (mut i64) (i64.const 0))
    (global $rest (export "detent:rest") (mut i32) (i32.const 0))
    (global $pages (export "detent:pages") (mut i32) (i32.const 0))
    (global $status (export "detent:status") (mut i32) (i32.const 0))
    (global $flags (export "detent:flags") (mut i32) (i32.const 0))
    (global $owed (export "detent:owed") (mut i64) (i64.const 0))"#;

/// A charge of `n` fuel.
pub fn charge(n: u64) -> String {
    format!(
        "(global.set $gas (i64.sub (global.get $gas) (i64.const {n}))) (if (i64.lt_s (global.get $gas) (i64.const 0)) (then unreachable))"
    )
}

fn value(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        other => panic!("{other}"),
    }
}

/// A module from text that holds `$CELLS` where its globals begin.
pub fn form(form: Form, text: &str) -> Arc<Deterministic> {
    let wasm = wat::parse_str(text.replace("$CELLS", CELLS)).unwrap();
    let mut facts = Facts { instance_charge: 1000, ..Facts::default() };
    let mut validator = wasmparser::Validator::new();
    let types = validator.validate_all(&wasm).unwrap();
    let types = types.as_ref();
    let ty = |id: u32| {
        let f = types[types.core_function_at(id)].unwrap_func();
        FuncType { params: f.params().iter().copied().map(value).collect(), results: f.results().iter().copied().map(value).collect() }
    };
    facts.origin = (0..types.function_count()).map(Some).collect();
    let mut functions = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
        match payload.unwrap() {
            wasmparser::Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.unwrap();
                    facts.imports.push(Import { module: import.module.into(), name: import.name.into(), ty: ty(functions) });
                    functions += 1;
                }
            }
            wasmparser::Payload::MemorySection(section) => {
                facts.initial_pages = section.into_iter().next().unwrap().unwrap().initial as u32;
            }
            wasmparser::Payload::ExportSection(section) => {
                for export in section {
                    let export = export.unwrap();
                    match export.kind {
                        wasmparser::ExternalKind::Memory => facts.memory = Some(export.name.into()),
                        wasmparser::ExternalKind::Func if export.name == "detent:start" => facts.start = true,
                        wasmparser::ExternalKind::Func => facts.exports.push(Export { name: export.name.into(), ty: ty(export.index) }),
                        _ if export.name.starts_with("detent:g") && export.name.as_bytes()[8].is_ascii_digit() => {
                            facts.mutable_globals += 1
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Arc::new(Deterministic { wasm, form, side: SideTable::default(), facts })
}

type Function = Box<dyn FnMut(usize, &[u64], &mut dyn Instance) -> Result<Reply, Exit> + Send>;
type Resume = Box<dyn FnMut(detent_engine::End, &mut dyn Instance) -> Result<Reply, Exit> + Send>;

/// A host made of closures.
pub struct Closures {
    pub call: Function,
    pub resume: Option<Resume>,
}

impl Host for Closures {
    fn call(&mut self, import: usize, args: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        (self.call)(import, args, instance)
    }

    fn resume(&mut self, ended: detent_engine::End, instance: &mut dyn Instance) -> Result<Reply, Exit> {
        match &mut self.resume {
            Some(resume) => resume(ended, instance),
            None => Err(Exit::Trap("no callbacks".into())),
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

pub fn host(call: impl FnMut(usize, &[u64], &mut dyn Instance) -> Result<Reply, Exit> + Send + 'static) -> Box<dyn Host> {
    Box::new(Closures { call: Box::new(call), resume: None })
}

pub fn no_host() -> Box<dyn Host> {
    host(|_, _, _| Err(Exit::Trap("no such host function".into())))
}

pub const FUEL: u64 = 1 << 40;

pub fn budget() -> Budget {
    Budget { fuel: FUEL, rest: 4 << 20, pages: 4096 }
}

pub fn call<'a>(entry: &'a str, args: &'a [u64]) -> Call<'a> {
    Call { entry, args, budget: budget(), instance_charge: false, initialize: false }
}

pub fn run(artefact: &dyn Artefact, entry: &str, args: &[u64]) -> Ended {
    artefact.run(no_host(), &call(entry, args)).1.unwrap()
}

pub fn engines() -> Vec<Arc<dyn Engine>> {
    let engines = detent_engine::Engines::new(&Settings::default()).unwrap();
    engines.names().into_iter().map(|name| engines.get(name).unwrap()).collect()
}

/// The same text on every engine.
pub fn artefacts(text: &str) -> Vec<Arc<dyn Artefact>> {
    engines().iter().map(|engine| engine.compile(form(engine.form(), text)).unwrap()).collect()
}

/// The same module with a refund for each operator for which `refund` gives one; (function index, operator).
pub fn with_refunds(module: &Deterministic, refund: impl Fn(&wasmparser::Operator<'_>) -> u64) -> Arc<Deterministic> {
    let mut entries = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&module.wasm) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() {
            for operator in body.get_operators_reader().unwrap().into_iter_with_offsets() {
                let (operator, offset) = operator.unwrap();
                entries.push((offset as u32, refund(&operator)));
            }
        }
    }
    Arc::new(Deterministic { side: SideTable::from_entries(entries), ..module.clone() })
}
