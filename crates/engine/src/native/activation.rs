//! A live instance of wasmtime, as a frame drives it and as host functions see it.

use super::cells::{Cells, Layout};
use super::trap;
use crate::frame::{self, Cell, Exports, Left, Live};
use crate::{Exit, Host, Instance};
use detent_gas::Deterministic;
use detent_protocol::{Code, Fault};
use std::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};
use wasmtime::{
    AsContextMut, Caller, Engine, Error, Extern, Func, FuncType, Memory, Module, Store, StoreContextMut, Val, ValRaw, ValType,
    WasmBacktrace,
};

/// What all instances of an artefact share.
pub(super) struct Shared {
    pub(super) module: Arc<Deterministic>,
    pub(super) exports: Exports,
    /// Types of the exported functions, in the order of `exports`.
    pub(super) types: Vec<Signature>,
    pub(super) code: Module,
    pub(super) quiet: Arc<Quiet>,
    /// An exported function that the module defines itself.
    pub(super) anchor: Option<String>,
    pub(super) layout: OnceLock<Option<Layout>>,
}

/// A function type as the boundary needs it: which values are 32 bits wide.
#[derive(Debug)]
pub(super) struct Signature {
    params: Box<[Width]>,
    results: Box<[Width]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Half,
    Whole,
}

impl Signature {
    pub(super) fn new(ty: &FuncType) -> Result<Signature, Fault> {
        let width = |ty: ValType| match ty {
            ValType::I32 | ValType::F32 => Ok(Width::Half),
            ValType::I64 | ValType::F64 => Ok(Width::Whole),
            other => Err(Fault::new(Code::EngineRefused, format!("a value of type {other} crosses the boundary"))),
        };
        Ok(Signature {
            params: ty.params().map(width).collect::<Result<_, _>>()?,
            results: ty.results().map(width).collect::<Result<_, _>>()?,
        })
    }
}

impl Width {
    #[inline]
    fn raw(self, value: u64) -> ValRaw {
        match self {
            Width::Half => ValRaw::u32(value as u32),
            Width::Whole => ValRaw::u64(value),
        }
    }

    #[inline]
    fn bits(self, raw: ValRaw) -> u64 {
        match self {
            Width::Half => u64::from(raw.get_u32()),
            Width::Whole => raw.get_u64(),
        }
    }
}

/// An error that unwinds a guest without a walk of its stack: wasmtime captures a trace for every error that does not carry one, so this one
/// carries an empty trace, made in a store that records none.
pub(super) struct Quiet(Store<()>);

impl Quiet {
    pub(super) fn new() -> wasmtime::Result<Quiet> {
        let mut config = wasmtime::Config::new();
        config.wasm_backtrace_max_frames(None);
        Ok(Quiet(Store::new(&Engine::new(&config)?, ())))
    }

    fn error(&self) -> Error {
        Error::msg(WasmBacktrace::capture(&self.0))
    }
}

/// What a store holds.
pub(super) struct Data {
    shared: Arc<Shared>,
    host: Option<Box<dyn Host>>,
    exit: Option<Exit>,
    cells: Option<Cells>,
    memory: Option<Memory>,
    instance: Option<wasmtime::Instance>,
    /// Exported functions, looked up when first entered.
    functions: Vec<Option<Func>>,
    /// Host entries live in this store.
    entries: u32,
}

impl Data {
    /// For one run.
    pub(super) fn lend(&mut self, host: Option<Box<dyn Host>>) {
        (self.host, self.exit, self.entries) = (host, None, 0);
    }

    pub(super) fn give_back(&mut self) -> Option<Box<dyn Host>> {
        self.host.take()
    }
}

/// Makes the mutable globals, and the size of a memory that grew, what they were at first. False when the instance must be dropped.
pub(super) fn restore(store: &mut Store<Data>, shrunk: Option<usize>) -> bool {
    let data = store.data_mut();
    let (memory, Some(cells)) = (data.memory, data.cells.take()) else { return false };
    let globals = cells.restore(&mut *store);
    store.data_mut().cells = Some(cells);
    // Growing by nothing makes the engine read the size again.
    let size =
        shrunk.is_none_or(|size| memory.is_some_and(|memory| memory.grow(&mut *store, 0).is_ok() && memory.data_size(&*store) == size));
    globals && size
}

/// Makes an instance. Its memory is `memory::made()`.
pub(super) fn instantiate(shared: &Arc<Shared>) -> Result<Store<Data>, Fault> {
    let failed = |e: Error| Fault::new(Code::NodeFault, format!("no instance: {e:#}"));
    let data = Data {
        shared: shared.clone(),
        host: None,
        exit: None,
        cells: None,
        memory: None,
        instance: None,
        functions: vec![None; shared.types.len()],
        entries: 0,
    };
    let mut store = Store::new(shared.code.engine(), data);
    let mut imports = Vec::with_capacity(shared.code.imports().len());
    for (number, import) in shared.code.imports().enumerate() {
        let ty = import.ty();
        let Some(ty) = ty.func() else { return Err(Fault::new(Code::EngineRefused, "an import is not a function")) };
        imports.push(Extern::Func(host_function(&mut store, number, ty)?));
    }
    let instance = wasmtime::Instance::new(&mut store, &shared.code, &imports).map_err(failed)?;
    let mut global = |name: &str| {
        let global = instance.get_global(&mut store, name);
        global.ok_or_else(|| Fault::new(Code::EngineRefused, format!("the module does not export {name}")))
    };
    let [gas, rest, pages, status, flags, _] = Cell::ALL.map(|cell| global(cell.export()));
    let cells = [gas?, rest?, pages?, status?, flags?];
    let globals = (0..shared.module.facts.mutable_globals).map(|i| global(&format!("detent:g{i}"))).collect::<Result<Box<[_]>, _>>()?;
    let anchor = shared.anchor.as_ref().and_then(|name| instance.get_func(&mut store, name));
    let layout = anchor.and_then(|anchor| {
        let layout = shared.layout.get_or_init(|| Layout::discover(&mut store, anchor, &cells, &globals));
        Some((layout.as_ref()?, anchor))
    });
    let cells = Cells::new(&mut store, cells, globals, layout);
    let memory = shared.module.facts.memory.as_ref().and_then(|name| instance.get_memory(&mut store, name));
    let data = store.data_mut();
    (data.cells, data.memory, data.instance) = (Some(cells), memory, Some(instance));
    Ok(store)
}

fn host_function(store: &mut Store<Data>, number: usize, ty: &FuncType) -> Result<Func, Fault> {
    let signature = Signature::new(ty)?;
    let call = move |mut caller: Caller<'_, Data>, values: &mut [MaybeUninit<ValRaw>]| -> wasmtime::Result<()> {
        /// More arguments than this go through the heap.
        const FEW: usize = 8;
        let (mut few, mut many) = ([0u64; FEW], Vec::new());
        let count = signature.params.len();
        let args = match few.get_mut(..count) {
            Some(args) => args,
            None => {
                many.resize(count, 0);
                &mut many[..]
            }
        };
        for ((arg, value), width) in args.iter_mut().zip(values.iter()).zip(&signature.params) {
            // SAFETY: wasmtime hands over as many initialised values as the type has parameters.
            *arg = width.bits(unsafe { value.assume_init_read() });
        }
        let mut view = View { cx: caller.as_context_mut() };
        let shared: *const Shared = Arc::as_ptr(&view.cx.data().shared);
        // SAFETY: the store holds the `Arc` for as long as it runs, and nothing replaces it.
        let shared = unsafe { &*shared };
        let answer = frame::import(&mut view, &shared.exports, number, args);
        match answer {
            Ok(value) => {
                if let (Some(slot), Some(width)) = (values.first_mut(), signature.results.first()) {
                    slot.write(width.raw(value));
                }
                Ok(())
            }
            // Words for people get a trace, which a callback's do not keep; ends that are decided by the host alone need none.
            Err(()) if matches!(view.cx.data().exit, Some(Exit::Trap(_))) && view.cx.data().entries == 1 => Err(Error::msg("host trap")),
            Err(()) => Err(shared.quiet.error()),
        }
    };
    if ty.results().len() > 1 {
        return Err(Fault::new(Code::EngineRefused, "a host function has more than one result"));
    }
    // SAFETY: `call` reads exactly the parameters of `ty` and writes the one result, if there is one.
    Ok(unsafe { Func::new_unchecked(store, ty.clone(), call) })
}

/// A store while it runs.
pub(super) struct View<'a> {
    pub(super) cx: StoreContextMut<'a, Data>,
}

impl Instance for View<'_> {
    #[inline]
    fn memory(&mut self) -> &mut [u8] {
        match self.cx.data().memory {
            Some(memory) => memory.data_mut(&mut self.cx),
            None => &mut [],
        }
    }

    #[inline]
    fn fuel(&mut self) -> u64 {
        u64::try_from(self.get(Cell::Gas)).unwrap_or(0)
    }

    #[inline]
    fn charge(&mut self, fuel: u64) -> Result<(), Exit> {
        frame::charge(self, fuel)
    }

    #[inline]
    fn rest(&mut self) -> i32 {
        self.get(Cell::Rest) as i32
    }

    #[inline]
    fn pages(&mut self) -> u32 {
        u32::try_from(self.get(Cell::Pages)).unwrap_or(0)
    }
}

impl Live for View<'_> {
    #[inline]
    fn get(&mut self, cell: Cell) -> i64 {
        let global = match self.cx.data().cells.as_ref().map(|cells| cells.get(cell)) {
            Some(Ok(value)) => return value,
            Some(Err(global)) => global,
            None => None,
        };
        match global.map(|global| global.get(&mut self.cx)) {
            Some(Val::I64(value)) => value,
            Some(Val::I32(value)) => i64::from(value),
            _ => 0,
        }
    }

    #[inline]
    fn set(&mut self, cell: Cell, value: i64) {
        if let Some(Err(Some(global))) = self.cx.data().cells.as_ref().map(|cells| cells.set(cell, value)) {
            let value = if cell == Cell::Gas { Val::I64(value) } else { Val::I32(value as i32) };
            // The types were checked when the artefact was made.
            let _ = global.set(&mut self.cx, value);
        }
    }

    #[inline]
    fn host(&mut self) -> &mut Option<Box<dyn Host>> {
        &mut self.cx.data_mut().host
    }

    #[inline]
    fn exit(&mut self) -> &mut Option<Exit> {
        &mut self.cx.data_mut().exit
    }

    fn enter(&mut self, export: usize, args: &[u64]) -> Result<Vec<u64>, Left> {
        let Some(function) = self.function(export) else {
            return Err(Left::Node(Fault::new(Code::NodeFault, "an export of the module is missing in its instance")));
        };
        let shared: *const Shared = Arc::as_ptr(&self.cx.data().shared);
        // SAFETY: as in `host_function`.
        let shared = unsafe { &*shared };
        let Some(signature) = shared.types.get(export) else {
            return Err(Left::Node(Fault::new(Code::NodeFault, "an export has no type")));
        };
        const FEW: usize = 8;
        let (mut few, mut many) = ([ValRaw::u64(0); FEW], Vec::new());
        let count = signature.params.len().max(signature.results.len());
        let values = match few.get_mut(..count) {
            Some(values) => values,
            None => {
                many.resize(count, ValRaw::u64(0));
                &mut many[..]
            }
        };
        for ((value, &arg), width) in values.iter_mut().zip(args).zip(&signature.params) {
            *value = width.raw(arg);
        }
        self.cx.data_mut().entries += 1;
        // SAFETY: `values` has room for the parameters and the results, and holds the parameters with their types: `Exports::find` compared
        // their number, and no type here is a reference.
        let ended = unsafe { function.call_unchecked(&mut self.cx, values) };
        self.cx.data_mut().entries -= 1;
        match ended {
            Ok(()) => Ok(values.iter().zip(&signature.results).map(|(value, width)| width.bits(*value)).collect()),
            Err(error) => {
                let outer = if self.cx.data().entries == 0 { 0 } else { WasmBacktrace::force_capture(&self.cx).frames().len() };
                let host = self.cx.data().exit.is_some();
                Err(trap::left(&error, host, outer, &shared.module))
            }
        }
    }
}

impl View<'_> {
    #[inline]
    fn function(&mut self, export: usize) -> Option<Func> {
        if let Some(Some(function)) = self.cx.data().functions.get(export) {
            return Some(*function);
        }
        let data = self.cx.data();
        let (instance, shared) = (data.instance?, data.shared.clone());
        let function = instance.get_func(&mut self.cx, shared.exports.names().nth(export)?)?;
        *self.cx.data_mut().functions.get_mut(export)? = Some(function);
        Some(function)
    }
}
