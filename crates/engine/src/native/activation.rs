//! A live instance of wasmtime, as a frame drives it and as host functions see it.

use super::trap;
use crate::frame::{self, Cell, Exports, Left, Live};
use crate::{Exit, Host, Instance};
use detent_gas::Deterministic;
use detent_protocol::{Code, Fault};
use std::mem::MaybeUninit;
use std::sync::Arc;
use wasmtime::{AsContextMut, Caller, Engine, Error, Extern, Func, FuncType, Global, Memory, Module, Store, StoreContextMut, Val, ValRaw, ValType, WasmBacktrace};

/// What all instances of an artefact share.
pub(super) struct Shared {
    pub(super) module: Arc<Deterministic>,
    pub(super) exports: Exports,
    /// Types of the exported functions, in the order of `exports`.
    pub(super) types: Vec<Signature>,
    pub(super) code: Module,
    pub(super) quiet: Arc<Quiet>,
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
        Ok(Signature { params: ty.params().map(width).collect::<Result<_, _>>()?, results: ty.results().map(width).collect::<Result<_, _>>()? })
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

#[derive(Clone, Copy)]
struct Cells {
    gas: Global,
    rest: Global,
    pages: Global,
    status: Global,
    flags: Global,
}

/// Makes an instance. Its memory is `memory::made()`.
pub(super) fn instantiate(shared: &Arc<Shared>) -> Result<(Store<Data>, wasmtime::Instance), Fault> {
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
    let mut cell = |cell: Cell| {
        let global = instance.get_global(&mut store, cell.export());
        global.ok_or_else(|| Fault::new(Code::EngineRefused, format!("the module does not export {}", cell.export())))
    };
    let cells =
        Cells { gas: cell(Cell::Gas)?, rest: cell(Cell::Rest)?, pages: cell(Cell::Pages)?, status: cell(Cell::Status)?, flags: cell(Cell::Flags)? };
    let memory = shared.module.facts.memory.as_ref().and_then(|name| instance.get_memory(&mut store, name));
    let data = store.data_mut();
    (data.cells, data.memory, data.instance) = (Some(cells), memory, Some(instance));
    Ok((store, instance))
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
        let mut view = View::new(caller.as_context_mut());
        let shared: *const Shared = Arc::as_ptr(&view.cx.data().shared);
        // SAFETY: the store holds the `Arc` for as long as it runs, and nothing replaces it.
        let shared = unsafe { &*shared };
        let answer = frame::import(&mut view, &shared.exports, number, args);
        view.flush();
        match answer {
            Ok(value) => {
                if let (Some(slot), Some(width)) = (values.first_mut(), signature.results.first()) {
                    slot.write(width.raw(value));
                }
                Ok(())
            }
            // Words for people get a trace; ends that are decided by the host alone need none.
            Err(()) if matches!(view.cx.data().exit, Some(Exit::Trap(_))) => Err(Error::msg("host trap")),
            Err(()) => Err(shared.quiet.error()),
        }
    };
    // SAFETY: `call` reads exactly the parameters of `ty` and writes its first result; more than one result is refused here.
    match ty.results().len() {
        0 | 1 => Ok(unsafe { Func::new_unchecked(store, ty.clone(), call) }),
        _ => Err(Fault::new(Code::EngineRefused, "a host function has more than one result")),
    }
}

/// A store while it runs. The gas cell is read and written through wasmtime at most once a host call, however often the host charges.
pub(super) struct View<'a> {
    cx: StoreContextMut<'a, Data>,
    /// The gas cell's value, if it was asked for since the guest last ran, and whether the cell itself is behind.
    gas: Option<i64>,
    behind: bool,
}

impl<'a> View<'a> {
    #[inline]
    pub(super) fn new(cx: StoreContextMut<'a, Data>) -> View<'a> {
        View { cx, gas: None, behind: false }
    }

    /// Before the guest runs again.
    #[inline]
    fn flush(&mut self) {
        if let (true, Some(gas)) = (self.behind, self.gas.take()) {
            self.write(Cell::Gas, gas);
        }
        (self.gas, self.behind) = (None, false);
    }

    #[inline]
    fn read(&mut self, cell: Cell) -> i64 {
        match self.cell(cell).map(|global| global.get(&mut self.cx)) {
            Some(Val::I64(value)) => value,
            Some(Val::I32(value)) => i64::from(value),
            _ => 0,
        }
    }

    #[inline]
    fn write(&mut self, cell: Cell, value: i64) {
        if let Some(global) = self.cell(cell) {
            let value = if cell == Cell::Gas { Val::I64(value) } else { Val::I32(value as i32) };
            // The types were checked when the artefact was made.
            let _ = global.set(&mut self.cx, value);
        }
    }
}

impl View<'_> {
    #[inline]
    fn cell(&self, cell: Cell) -> Option<Global> {
        let cells = self.cx.data().cells.as_ref()?;
        match cell {
            Cell::Gas => Some(cells.gas),
            Cell::Rest => Some(cells.rest),
            Cell::Pages => Some(cells.pages),
            Cell::Status => Some(cells.status),
            Cell::Flags => Some(cells.flags),
            Cell::Owed => None,
        }
    }
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
        match (cell, self.gas) {
            (Cell::Gas, Some(gas)) => gas,
            (Cell::Gas, None) => {
                let gas = self.read(cell);
                *self.gas.insert(gas)
            }
            _ => self.read(cell),
        }
    }

    #[inline]
    fn set(&mut self, cell: Cell, value: i64) {
        match cell {
            Cell::Gas => (self.gas, self.behind) = (Some(value), true),
            _ => self.write(cell, value),
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
        self.flush();
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
