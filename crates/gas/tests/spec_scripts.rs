//! The WebAssembly 2.0 core scripts, each module in both forms: rewritten, validated, and run on wasmi with the results that the specification wants.
//! The form must change nothing but what `docs/metering.md` says it changes.

mod support;

use detent_gas::{Form, Options, rewrite};
use detent_protocol::{Code, Schedule};
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use support::{features, hex};
use wasmi::{
    AsContext, Engine, Extern, ExternType, Func, Global, Instance, Memory, MemoryType, Module, Mutability, Store, Table, TableType, Val,
};
use wasmparser::Validator;
use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

/// Where third-party vectors lie; `None` skips, but not in continuous integration.
fn scripts() -> Option<Vec<(String, String)>> {
    let folder = std::env::var_os("DETENT_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")), PathBuf::from);
    let archive = folder.join("wasm-spec/wasm-spec-2.0-core.tar.gz");
    let Ok(file) = std::fs::File::open(&archive) else {
        assert!(std::env::var_os("CI").is_none(), "no {}: set DETENT_VECTORS", archive.display());
        println!("skipped: no {} (set DETENT_VECTORS)", archive.display());
        return None;
    };
    let mut scripts = Vec::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(file)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".wast") {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            scripts.push((name, text));
        }
    }
    Some(scripts)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    modules: u32,
    returns: u32,
    traps: u32,
    exhaustions: u32,
    /// Not of numbers only, or of a module that is not of the form's kind.
    skipped: u32,
}

struct Script {
    form: Form,
    store: Store<()>,
    /// By name, and the current one under "".
    instances: HashMap<String, Option<Instance>>,
    registered: HashMap<String, Option<Instance>>,
    spectest: HashMap<&'static str, Extern>,
    all: Vec<Instance>,
    tally: Tally,
    /// A module that shares a table with another was left out: calls in the rest of the script may miss what it would have written.
    tables_shared: bool,
}

/// The schedule in force, but for caps that scripts exceed.
fn schedule() -> Schedule {
    let mut schedule = Schedule::current().clone();
    schedule.limits.memory_pages = 65536;
    schedule.limits.table_elements = 10_000_000;
    schedule
}

fn spectest(store: &mut Store<()>) -> HashMap<&'static str, Extern> {
    let mut all = HashMap::new();
    for (name, types) in [
        ("print", &[][..]),
        ("print_i32", &[wasmi::ValType::I32]),
        ("print_i64", &[wasmi::ValType::I64]),
        ("print_f32", &[wasmi::ValType::F32]),
        ("print_f64", &[wasmi::ValType::F64]),
        ("print_i32_f32", &[wasmi::ValType::I32, wasmi::ValType::F32]),
        ("print_f64_f64", &[wasmi::ValType::F64, wasmi::ValType::F64]),
    ] {
        let ty = wasmi::FuncType::new(types.iter().copied(), []);
        all.insert(name, Extern::Func(Func::new(&mut *store, ty, |_, _, _| Ok(()))));
    }
    for (name, value) in [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6f32.into())),
        ("global_f64", Val::F64(666.6f64.into())),
    ] {
        all.insert(name, Extern::Global(Global::new(&mut *store, value, Mutability::Const)));
    }
    let table =
        Table::new(&mut *store, TableType::new(wasmi::RefType::Func, 10, Some(20)), wasmi::Ref::Func(wasmi::Nullable::Null)).unwrap();
    all.insert("table", Extern::Table(table));
    all.insert("memory", Extern::Memory(Memory::new(&mut *store, MemoryType::new(1, Some(2))).unwrap()));
    all
}

impl Script {
    fn new(form: Form) -> Script {
        let mut config = wasmi::Config::default();
        config.set_max_recursion_depth(100_000);
        config.set_max_stack_height(256 << 20);
        let mut store = Store::new(&Engine::new(&config), ());
        let spectest = spectest(&mut store);
        let (instances, registered, all, tally) = Default::default();
        Script { form, store, instances, registered, spectest, all, tally, tables_shared: false }
    }

    fn set(&mut self, instance: Instance, cell: &str, value: Val) {
        instance.get_global(&self.store, &format!("detent:{cell}")).unwrap().set(&mut self.store, value).unwrap();
    }

    fn get(&self, instance: Instance, cell: &str) -> i64 {
        match instance.get_global(&self.store, &format!("detent:{cell}")).unwrap().get(&self.store) {
            Val::I32(v) => i64::from(v),
            Val::I64(v) => v,
            _ => 0,
        }
    }

    fn fill(&mut self) {
        for instance in self.all.clone() {
            self.set(instance, "gas", Val::I64(1 << 50));
            self.set(instance, "rest", Val::I32(4 << 20));
            self.set(instance, "pages", Val::I32(65536));
            self.set(instance, "status", Val::I32(0));
        }
    }

    /// `Err` is a trap at instantiation; `Ok(None)` a module that this test does not judge.
    fn instantiate(&mut self, wasm: &[u8]) -> Result<Option<Instance>, String> {
        let options = Options { form: self.form, metering: true, reenters: Vec::new() };
        Validator::new_with_features(features()).validate_all(wasm).unwrap();
        let out = match rewrite(wasm, &schedule(), &options) {
            Ok(out) => out,
            Err(fault) => {
                // References in the types of exports: not of contracts.
                assert_eq!(fault.code, Code::FeatureRefused, "{fault}");
                return Ok(None);
            }
        };
        self.tally.modules += 1;
        if let Err(e) = Validator::new_with_features(features()).validate_all(&out.wasm) {
            panic!("rewritten module does not validate: {e}\n{}", hex(wasm));
        }
        // SAFETY: validated just now.
        let module = unsafe { Module::new_unchecked(self.store.engine(), &out.wasm) }.map_err(|e| e.to_string())?;
        let mut imports = Vec::new();
        for import in module.imports() {
            // Types of functions behind an imported table are another module's affair.
            if matches!(import.ty(), ExternType::Table(_)) && import.module() != "spectest" {
                self.tables_shared = true;
                return Ok(None);
            }
            let found = match self.registered.get(import.module()) {
                Some(Some(instance)) => instance.get_export(&self.store, import.name()),
                Some(None) => return Ok(None),
                None if import.module() == "spectest" => self.spectest.get(import.name()).copied(),
                None => None,
            };
            imports.push(found.ok_or_else(|| format!("no import {} {}", import.module(), import.name()))?);
        }
        let instance = Instance::new(&mut self.store, &module, &imports).map_err(|e| e.to_string())?;
        self.all.push(instance);
        self.fill();
        if out.facts.start {
            let start = instance.get_func(&self.store, "detent:start").unwrap();
            start.call(&mut self.store, &[], &mut []).map_err(|e| e.to_string())?;
        }
        Ok(Some(instance))
    }

    fn define(&mut self, module: &mut QuoteWat<'_>) -> Result<(), String> {
        let name = module.name().map(|id| id.name().to_owned());
        let wasm = module.encode().unwrap();
        let instance = self.instantiate(&wasm)?;
        self.instances.insert(String::new(), instance);
        if let Some(name) = name {
            self.instances.insert(name, instance);
        }
        Ok(())
    }

    fn instance(&self, id: Option<wast::token::Id<'_>>) -> Option<Instance> {
        self.instances.get(id.map_or("", |id| id.name())).copied().flatten()
    }

    /// `None` is not judged.
    fn invoke(&mut self, call: &WastInvoke<'_>) -> Option<Result<Vec<Val>, String>> {
        if self.tables_shared {
            return None;
        }
        let instance = self.instance(call.module)?;
        let function = instance.get_func(&self.store, call.name).unwrap();
        let mut args = Vec::new();
        for arg in &call.args {
            args.push(match arg {
                WastArg::Core(WastArgCore::I32(v)) => Val::I32(*v),
                WastArg::Core(WastArgCore::I64(v)) => Val::I64(*v),
                WastArg::Core(WastArgCore::F32(v)) => Val::F32(wasmi::F32::from_bits(v.bits)),
                WastArg::Core(WastArgCore::F64(v)) => Val::F64(wasmi::F64::from_bits(v.bits)),
                _ => return None,
            });
        }
        self.fill();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let ended = function.call(&mut self.store, &args, &mut results);
        assert!(self.get(instance, "gas") >= 0, "out of gas in {}", call.name);
        let status = self.get(instance, "status");
        Some(match ended {
            Ok(()) => {
                assert_eq!(status, 0);
                Ok(results)
            }
            Err(_) if status == 1 => Err("call stack exhausted".into()),
            Err(e) => Err(e.as_trap_code().map_or(e.to_string(), |t| t.to_string())),
        })
    }

    fn execute(&mut self, what: &WastExecute<'_>) -> Option<Result<Vec<Val>, String>> {
        match what {
            WastExecute::Invoke(call) => self.invoke(call),
            WastExecute::Get { module, global, .. } => {
                let global = self.instance(*module)?.get_global(&self.store, global).unwrap();
                Some(Ok(vec![global.get(self.store.as_context())]))
            }
            _ => None,
        }
    }

    fn directive(&mut self, directive: WastDirective<'_>) {
        match directive {
            WastDirective::Module(mut module) => self.define(&mut module).unwrap(),
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module);
                self.registered.insert(name.to_owned(), instance);
            }
            WastDirective::Invoke(call) => {
                self.invoke(&call).map(Result::unwrap);
            }
            WastDirective::AssertReturn { exec, results, .. } => match self.execute(&exec) {
                Some(ended) => {
                    let values = ended.unwrap();
                    assert_eq!(values.len(), results.len());
                    if values.iter().zip(&results).all(|(value, wanted)| matches!(kind(wanted), Kind::Number) && is(value, wanted)) {
                        self.tally.returns += 1;
                    } else {
                        assert!(results.iter().any(|r| matches!(kind(r), Kind::Other)), "{values:?} is not {results:?}");
                        self.tally.skipped += 1;
                    }
                }
                None => self.tally.skipped += 1,
            },
            WastDirective::AssertTrap { exec: WastExecute::Wat(mut module), .. } => {
                let wasm = module.encode().unwrap();
                match self.instantiate(&wasm) {
                    Err(_) => self.tally.traps += 1,
                    Ok(Some(_)) => panic!("an instance that should have trapped"),
                    Ok(None) => self.tally.skipped += 1,
                }
            }
            WastDirective::AssertTrap { exec, message, .. } => match self.execute(&exec) {
                Some(Err(trap)) => {
                    assert!(same_trap(&trap, message), "{trap} is not {message}");
                    self.tally.traps += 1;
                }
                Some(Ok(values)) => panic!("{values:?} where {message} was wanted"),
                None => self.tally.skipped += 1,
            },
            WastDirective::AssertExhaustion { call, .. } => match self.invoke(&call) {
                Some(ended) => {
                    assert!(ended.is_err_and(|e| e == "call stack exhausted"));
                    self.tally.exhaustions += 1;
                }
                None => self.tally.skipped += 1,
            },
            _ => {}
        }
    }
}

enum Kind {
    Number,
    Other,
}

fn kind(wanted: &WastRet<'_>) -> Kind {
    match wanted {
        WastRet::Core(WastRetCore::I32(_) | WastRetCore::I64(_) | WastRetCore::F32(_) | WastRetCore::F64(_)) => Kind::Number,
        _ => Kind::Other,
    }
}

fn is(value: &Val, wanted: &WastRet<'_>) -> bool {
    let WastRet::Core(wanted) = wanted else { return false };
    match (value, wanted) {
        (Val::I32(v), WastRetCore::I32(w)) => v == w,
        (Val::I64(v), WastRetCore::I64(w)) => v == w,
        (Val::F32(v), WastRetCore::F32(w)) => match w {
            NanPattern::CanonicalNan => v.to_bits() & 0x7fff_ffff == 0x7fc0_0000,
            NanPattern::ArithmeticNan => v.to_bits() & 0x7fc0_0000 == 0x7fc0_0000,
            NanPattern::Value(w) => v.to_bits() == w.bits,
        },
        (Val::F64(v), WastRetCore::F64(w)) => match w {
            NanPattern::CanonicalNan => v.to_bits() << 1 == 0x7ff8_0000_0000_0000 << 1,
            NanPattern::ArithmeticNan => v.to_bits() & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
            NanPattern::Value(w) => v.to_bits() == w.bits,
        },
        _ => false,
    }
}

/// wasmi's words for the specification's.
fn same_trap(trap: &str, message: &str) -> bool {
    let pairs = [
        ("unreachable", "unreachable"),
        ("integer divide by zero", "divide by zero"),
        ("integer overflow", "overflow"),
        ("invalid conversion to integer", "conversion to integer"),
        ("out of bounds memory", "out of bounds memory"),
        ("out of bounds table", "table"),
        ("undefined element", "table"),
        ("uninitialized element", "uninitialized"),
        ("indirect call type mismatch", "mismatch"),
        ("indirect call", "indirect call"),
        ("call stack exhausted", "call stack exhausted"),
    ];
    pairs.iter().any(|(spec, ours)| message.starts_with(spec) && trap.contains(ours))
}

fn run_all(form: Form) {
    let Some(scripts) = scripts() else { return };
    let mut sum = Tally::default();
    for (name, text) in scripts {
        let mut script = Script::new(form);
        let mut lexer = Lexer::new(&text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).unwrap();
        let wast: Wast<'_> = parser::parse(&buffer).unwrap();
        for directive in wast.directives {
            let (line, _) = directive.span().linecol_in(&text);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| script.directive(directive)));
            assert!(result.is_ok(), "{name}:{}", line + 1);
        }
        let Tally { modules, returns, traps, exhaustions, skipped } = script.tally;
        sum.modules += modules;
        sum.returns += returns;
        sum.traps += traps;
        sum.exhaustions += exhaustions;
        sum.skipped += skipped;
    }
    println!("{form:?}: {sum:?}");
    // Of 1,126 modules, 21,453 returns, 2,388 traps and 15 exhaustions: all that deal in numbers.
    assert!(sum.modules > 900 && sum.returns > 20_000 && sum.traps > 1_500 && sum.exhaustions == 15, "{sum:?}");
}

#[test]
fn the_side_form_keeps_the_meaning_of_every_script() {
    run_all(Form::Side);
}

#[test]
fn the_fine_form_keeps_the_meaning_of_every_script() {
    run_all(Form::Fine);
}
