//! wasmi, an independent interpreter, in fine form: the oracle that the native engine is compared with, not a tier of a chain.
//!
//! It reports no code offsets, so refunds come from `detent:owed`. A new store a run: nothing is recycled, nothing can leak.

use crate::fork::Process;
use crate::frame::{self, Cell, Exports, Left, Live};
use crate::{Artefact, Call, Ended, Engine, Exit, Host, Instance, Settings, Trap, guard, stack};
use detent_gas::{Deterministic, Form, Place, ValType};
use detent_protocol::{Code, Fault, Schedule};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wasmi::errors::HostError;
use wasmi::{
    AsContext, AsContextMut, Caller, CompilationMode, Config, Error, Extern, ExternType, Func, Global, Memory, Module, Store,
    StoreContextMut, TrapCode, Val,
};
use wasmparser::{Validator, WasmFeatures};

/// The interpreter.
pub struct Wasmi {
    engine: wasmi::Engine,
    settings: Settings,
    process: Process,
}

impl Wasmi {
    /// Makes the engine.
    pub fn new(settings: Settings) -> Wasmi {
        let process = Process::current();
        guard::start(process);
        let mut config = Config::default();
        // The logical stack ends first: an activation takes at least `stack.frame` logical bytes, and its cells at most as many bytes
        // as wasmi's registers need, far below sixteen times the logical size.
        config.set_max_recursion_depth(crate::settings::max_frames());
        config.set_max_stack_height(Schedule::current().limits.stack_bytes as usize * 16);
        config.compilation_mode(CompilationMode::Eager);
        config.consume_fuel(false).ignore_custom_sections(true);
        Wasmi { engine: wasmi::Engine::new(&config), settings, process }
    }
}

fn refused(words: impl std::fmt::Display) -> Fault {
    Fault::new(Code::EngineRefused, words.to_string())
}

/// What the form may use. This build of wasmi does not validate, so we do.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::FLOATS
}

impl Engine for Wasmi {
    fn name(&self) -> &'static str {
        "wasmi"
    }

    fn form(&self) -> Form {
        Form::Fine
    }

    fn fingerprint(&self) -> [u8; 32] {
        *blake3::hash(b"wasmi 2.0.0").as_bytes()
    }

    fn compile(&self, module: Arc<Deterministic>) -> Result<Arc<dyn Artefact>, Fault> {
        self.process.check()?;
        if module.form != Form::Fine {
            return Err(refused("this engine runs the fine form"));
        }
        Validator::new_with_features(features()).validate_all(&module.wasm).map_err(refused)?;
        // SAFETY: validated just now, with features that the configuration has.
        let code = unsafe { Module::new_unchecked(&self.engine, &module.wasm) }.map_err(refused)?;
        for cell in Cell::ALL {
            let wide = matches!(cell, Cell::Gas | Cell::Owed);
            match code.get_export(cell.export()) {
                Some(ExternType::Global(ty)) if ty.mutability().is_mut() && (ty.content() == wasmi::ValType::I64) == wide => {}
                _ => return Err(refused(format!("the rewritten module has no cell {}", cell.export()))),
            }
        }
        let exports = Exports::new(&module);
        let shared = Arc::new(Shared { exports, module, code });
        Ok(Arc::new(Interpreted { shared, process: self.process, ns_per_fuel: self.settings.ns_per_fuel }))
    }

    fn restore(&self, module: Arc<Deterministic>, _: &[u8]) -> Result<Arc<dyn Artefact>, Fault> {
        self.compile(module)
    }
}

struct Shared {
    module: Arc<Deterministic>,
    exports: Exports,
    code: Module,
}

struct Interpreted {
    shared: Arc<Shared>,
    process: Process,
    ns_per_fuel: u64,
}

/// What a store holds.
struct Data {
    shared: Arc<Shared>,
    host: Option<Box<dyn Host>>,
    exit: Option<Exit>,
    cells: [Option<Global>; 6],
    memory: Option<Memory>,
    instance: Option<wasmi::Instance>,
}

impl Interpreted {
    fn store(&self, host: Option<Box<dyn Host>>) -> Store<Data> {
        let data = Data { shared: self.shared.clone(), host, exit: None, cells: [None; 6], memory: None, instance: None };
        Store::new(self.shared.code.engine(), data)
    }

    fn attempt(&self, store: &mut Store<Data>, begin: frame::Begin, args: &[u64]) -> Result<Ended, Fault> {
        let failed = |e: Error| Fault::new(Code::NodeFault, format!("no instance: {e}"));
        let mut imports = Vec::new();
        for (number, import) in self.shared.code.imports().enumerate() {
            let ExternType::Func(ty) = import.ty() else { return Err(refused("an import is not a function")) };
            let call = move |caller: Caller<'_, Data>, args: &[Val], results: &mut [Val]| host_function(caller, number, args, results);
            imports.push(Extern::Func(Func::new(&mut *store, ty.clone(), call)));
        }
        let instance = wasmi::Instance::new(&mut *store, &self.shared.code, &imports).map_err(failed)?;
        let cells = Cell::ALL.map(|cell| instance.get_global(&*store, cell.export()));
        let memory = self.shared.module.facts.memory.as_ref().and_then(|name| instance.get_memory(&*store, name));
        let data = store.data_mut();
        (data.cells, data.memory, data.instance) = (cells, memory, Some(instance));
        frame::run(&mut View { cx: store.as_context_mut() }, &self.shared.exports, begin, args)
    }
}

impl Artefact for Interpreted {
    fn module(&self) -> &Arc<Deterministic> {
        &self.shared.module
    }

    fn size(&self) -> usize {
        // wasmi does not say; its code is about four times the module's.
        self.shared.module.wasm.len() * 5
    }

    fn native(&self) -> Option<Vec<u8>> {
        None
    }

    fn run(&self, host: Box<dyn Host>, call: &Call<'_>) -> (Box<dyn Host>, Result<Ended, Fault>) {
        if let Err(fault) = self.process.check() {
            return (host, Err(fault));
        }
        let begin = match frame::begin(&self.shared.module, &self.shared.exports, call) {
            Ok(Ok(begin)) => begin,
            Ok(Err(ended)) => return (host, Ok(ended)),
            Err(fault) => return (host, Err(fault)),
        };
        let announced = guard::Run::begin(self.process, call.budget.fuel, self.ns_per_fuel);
        let mut store = self.store(Some(host));
        let attempt = || stack::enter(|| self.attempt(&mut store, begin, call.args));
        let ended = match catch_unwind(AssertUnwindSafe(attempt)) {
            Ok(ended) => ended.and_then(|ended| ended).and_then(|ended| announced.check().map(|()| ended)),
            Err(_) => Err(Fault::new(Code::NodeFault, "the engine panicked")),
        };
        (store.data_mut().host.take().unwrap_or_else(|| Box::new(frame::Lost)), ended)
    }
}

/// Unwinds the interpreter; the reason is in [`Data::exit`].
#[derive(Debug)]
struct Leave;

impl std::fmt::Display for Leave {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a host function left")
    }
}

impl HostError for Leave {}

fn host_function(mut caller: Caller<'_, Data>, number: usize, args: &[Val], results: &mut [Val]) -> Result<(), Error> {
    let shared = caller.data().shared.clone();
    let args: Vec<u64> = args.iter().map(bits).collect();
    let mut view = View { cx: caller.as_context_mut() };
    let value = frame::import(&mut view, &shared.exports, number, &args).map_err(|()| Error::host(Leave))?;
    if let Some(result) = results.first_mut() {
        let ty = shared.module.facts.imports.get(number).and_then(|import| import.ty.results.first());
        *result = ty.map_or(Val::I32(value as i32), |&ty| val(ty, value));
    }
    Ok(())
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(v) => u64::from(*v as u32),
        Val::I64(v) => *v as u64,
        Val::F32(v) => u64::from(v.to_bits()),
        Val::F64(v) => v.to_bits(),
        _ => 0,
    }
}

fn val(ty: ValType, bits: u64) -> Val {
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(wasmi::F32::from_bits(bits as u32)),
        ValType::F64 => Val::F64(wasmi::F64::from_bits(bits)),
    }
}

struct View<'a> {
    cx: StoreContextMut<'a, Data>,
}

impl Instance for View<'_> {
    fn memory(&mut self) -> &mut [u8] {
        match self.cx.data().memory {
            Some(memory) => memory.data_mut(&mut self.cx),
            None => &mut [],
        }
    }

    fn fuel(&mut self) -> u64 {
        u64::try_from(self.get(Cell::Gas)).unwrap_or(0)
    }

    fn charge(&mut self, fuel: u64) -> Result<(), Exit> {
        frame::charge(self, fuel)
    }

    fn rest(&mut self) -> i32 {
        self.get(Cell::Rest) as i32
    }

    fn pages(&mut self) -> u32 {
        u32::try_from(self.get(Cell::Pages)).unwrap_or(0)
    }
}

impl Live for View<'_> {
    fn get(&mut self, cell: Cell) -> i64 {
        match self.cx.data().cells[cell as usize].map(|global| global.get(self.cx.as_context())) {
            Some(Val::I64(value)) => value,
            Some(Val::I32(value)) => i64::from(value),
            _ => 0,
        }
    }

    fn set(&mut self, cell: Cell, value: i64) {
        if let Some(global) = self.cx.data().cells[cell as usize] {
            let value = if matches!(cell, Cell::Gas | Cell::Owed) { Val::I64(value) } else { Val::I32(value as i32) };
            // The types were checked at compilation.
            let _ = global.set(self.cx.as_context_mut(), value);
        }
    }

    fn host(&mut self) -> &mut Option<Box<dyn Host>> {
        &mut self.cx.data_mut().host
    }

    fn exit(&mut self) -> &mut Option<Exit> {
        &mut self.cx.data_mut().exit
    }

    fn enter(&mut self, export: usize, args: &[u64]) -> Result<Vec<u64>, Left> {
        let missing = || Left::Node(Fault::new(Code::NodeFault, "an export of the module is missing in its instance"));
        let data = self.cx.data();
        let (shared, instance) = (data.shared.clone(), data.instance.ok_or_else(missing)?);
        let name = shared.exports.names().nth(export).ok_or_else(missing)?;
        let function = instance.get_func(self.cx.as_context(), name).ok_or_else(missing)?;
        let ty = function.ty(self.cx.as_context());
        let args: Vec<Val> = ty.params().iter().zip(args).map(|(ty, &bits)| typed(*ty, bits)).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|ty| typed(*ty, 0)).collect();
        match function.call(self.cx.as_context_mut(), &args, &mut results) {
            Ok(()) => Ok(results.iter().map(bits).collect()),
            Err(_) if self.cx.data().exit.is_some() => Err(Left::Host(Vec::new())),
            Err(error) => Err(left(&error)),
        }
    }
}

fn typed(ty: wasmi::ValType, bits: u64) -> Val {
    match ty {
        wasmi::ValType::I64 => val(ValType::I64, bits),
        wasmi::ValType::F32 => val(ValType::F32, bits),
        wasmi::ValType::F64 => val(ValType::F64, bits),
        _ => val(ValType::I32, bits),
    }
}

fn left(error: &Error) -> Left {
    let trap = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(TrapCode::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull) => Trap::IndirectCallToNull,
        Some(TrapCode::BadSignature) => Trap::BadSignature,
        Some(TrapCode::IntegerOverflow) => Trap::IntegerOverflow,
        Some(TrapCode::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(TrapCode::BadConversionToInteger) => Trap::BadConversionToInteger,
        // Its stacks must outlast the logical one; the rest cannot come from an admitted module.
        _ => return Left::Node(Fault::new(Code::NodeFault, format!("the engine stopped: {error}"))),
    };
    // The fine form settles in its cells.
    Left::Trap(trap, Vec::new(), Place::default())
}
