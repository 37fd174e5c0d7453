//! A compiled module, its idle instances, and what a call costs.
//!
//! A call takes an idle instance (one atomic exchange), sets six cells, enters through a handle that was looked up once, and makes the
//! instance pristine again: the pages of its memory's record and the mutable globals. No allocation, no lock, no system call.

use super::activation::{Data, Quiet, Shared, Signature, View, instantiate, restore};
use super::idle::Idle;
use super::image::Image;
use super::memory;
use super::region::{Region, Restored};
use crate::fork::Process;
use crate::frame::{self, Cell, Exports, Live};
use crate::{Artefact, Call, Ended, Host, Settings, guard, stack};
use detent_gas::Deterministic;
use detent_protocol::{Code, Fault};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use wasmparser::{Export, ExternalKind, Parser, Payload, TypeRef};
use wasmtime::unix::StoreExt;
use wasmtime::{AsContextMut, ExternType, Module, Store};

pub(super) struct Native {
    shared: Arc<Shared>,
    idle: Idle<Warm>,
    image: OnceLock<Image>,
    process: Process,
    recycle: bool,
    ns_per_fuel: u64,
}

/// Bit of `detent:flags`.
const MEMORY_GREW: i64 = 1;

/// An instance that can be made pristine.
struct Warm {
    store: Store<Data>,
    region: Option<Arc<Region>>,
}

impl Warm {
    /// Bytes held while idle: the store, about, and the memory's resident pages.
    fn weight(&self) -> usize {
        const STORE: usize = 16 << 10;
        STORE + self.region.as_ref().map_or(0, |region| region.resident())
    }
}

impl Native {
    pub(super) fn new(
        process: Process,
        quiet: Arc<Quiet>,
        settings: &Settings,
        module: Arc<Deterministic>,
        code: Module,
    ) -> Result<Native, Fault> {
        let exports = Exports::new(&module);
        let mut types = Vec::new();
        for name in exports.names() {
            match code.get_export(name) {
                Some(ExternType::Func(ty)) => types.push(Signature::new(&ty)?),
                _ => return Err(Fault::new(Code::EngineRefused, format!("the rewritten module has no function {name:?}"))),
            }
        }
        for cell in [Cell::Gas, Cell::Rest, Cell::Pages, Cell::Status, Cell::Flags] {
            let wide = cell == Cell::Gas;
            match code.get_export(cell.export()) {
                Some(ExternType::Global(ty))
                    if ty.mutability().is_var() && if wide { ty.content().is_i64() } else { ty.content().is_i32() } => {}
                _ => return Err(Fault::new(Code::EngineRefused, format!("the rewritten module has no cell {}", cell.export()))),
            }
        }
        let anchor = anchor(&module.wasm);
        let shared = Arc::new(Shared { module, exports, types, code, quiet, anchor, layout: OnceLock::new() });
        Ok(Native {
            shared,
            idle: Idle::new(),
            image: OnceLock::new(),
            process,
            recycle: settings.recycle,
            ns_per_fuel: settings.ns_per_fuel,
        })
    }

    #[cold]
    fn fresh(&self) -> Result<Box<Warm>, Fault> {
        memory::made();
        let mut store = instantiate(&self.shared)?;
        let region = memory::made();
        if let Some(region) = region.as_ref().filter(|_| self.recycle) {
            self.image.get_or_init(|| {
                // SAFETY: the instance was just made and does not run; the region is as long as its size says.
                Image::take(&self.shared.module.wasm, unsafe { std::slice::from_raw_parts(region.base(), region.size()) })
            });
            region.track()?;
            let region = region.clone();
            // SAFETY: `open` is async-signal-safe: atomics and one mprotect; the number of the last error is put back.
            unsafe {
                store.set_signal_handler(move |signal, info, _| {
                    if signal != libc::SIGSEGV && signal != libc::SIGBUS {
                        return false;
                    }
                    let errno = errno();
                    let before = *errno;
                    let opened = region.open((*info).si_addr() as usize);
                    *errno = before;
                    opened
                });
            }
        }
        Ok(Box::new(Warm { store, region }))
    }

    fn activate(&self, warm: &mut Warm, begin: frame::Begin, args: &[u64]) -> Result<Ended, Fault> {
        let mut view = View { cx: warm.store.as_context_mut() };
        let ended = frame::run(&mut view, &self.shared.exports, begin, args)?;
        if warm.region.as_ref().is_some_and(|region| region.failed()) {
            return Err(Fault::new(Code::NodeFault, "the kernel refused to open a page of a linear memory"));
        }
        Ok(ended)
    }

    /// Makes the instance pristine; false when it must be dropped.
    fn restore(&self, warm: &mut Warm) -> bool {
        let flags = View { cx: warm.store.as_context_mut() }.get(Cell::Flags);
        // Growth can be undone; a dropped segment or a written table cannot.
        if !self.recycle || flags & !MEMORY_GREW != 0 {
            return false;
        }
        let mut shrunk = None;
        if let (Some(region), Some(image)) = (&warm.region, self.image.get()) {
            match region.restore(image) {
                Ok(Restored::Whole) => {}
                Ok(Restored::Shrunk(size)) => shrunk = Some(size),
                Err(_) => return false,
            }
        }
        restore(&mut warm.store, shrunk)
    }

    /// Runs on a warm or a fresh instance. The host leaves `host` for the instance in `place`, and comes back unless the engine panics.
    fn attempt(
        &self,
        host: &mut Option<Box<dyn Host>>,
        place: &mut Option<Box<Warm>>,
        begin: frame::Begin,
        call: &Call<'_>,
    ) -> Result<Ended, Fault> {
        let warm = place.insert(self.idle.take().map_or_else(|| self.fresh(), Ok)?);
        warm.store.data_mut().lend(host.take());
        let ended = self.activate(warm, begin, call.args);
        *host = warm.store.data_mut().give_back();
        ended
    }
}

impl Artefact for Native {
    fn module(&self) -> &Arc<Deterministic> {
        &self.shared.module
    }

    fn size(&self) -> usize {
        let code = self.shared.code.image_range();
        let code = (code.end as usize).saturating_sub(code.start as usize);
        let image = self.image.get().map_or(0, Image::size);
        code + self.shared.module.wasm.len() + image + self.idle.weight()
    }

    fn native(&self) -> Option<Vec<u8>> {
        self.shared.code.serialize().ok()
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
        let (mut host, mut place) = (Some(host), None);
        let attempt = || stack::enter(|| self.attempt(&mut host, &mut place, begin, call));
        let ended = match catch_unwind(AssertUnwindSafe(attempt)) {
            Ok(ended) => ended.and_then(|ended| ended).and_then(|ended| announced.check().map(|()| ended)),
            Err(_) => Err(Fault::new(Code::NodeFault, "the engine panicked")),
        };
        if let Some(mut warm) = place {
            host = host.or_else(|| warm.store.data_mut().give_back());
            if ended.is_ok() && self.restore(&mut warm) {
                let weight = warm.weight();
                drop(self.idle.give(warm, weight));
            }
        }
        (host.unwrap_or_else(|| Box::new(frame::Lost)), ended)
    }
}

/// An exported function that the module defines (imports can be exported too).
fn anchor(wasm: &[u8]) -> Option<String> {
    let mut imported = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::ImportSection(section) => {
                imported = section.into_imports().filter(|i| matches!(i, Ok(i) if matches!(i.ty, TypeRef::Func(_)))).count();
            }
            Payload::ExportSection(section) => {
                let defined = |e: &Export<'_>| e.kind == ExternalKind::Func && e.index as usize >= imported;
                return section.into_iter().filter_map(Result::ok).find(defined).map(|e| e.name.to_owned());
            }
            _ => {}
        }
    }
    None
}

/// Where this thread's error number is.
fn errno() -> *mut libc::c_int {
    #[cfg(target_os = "macos")]
    // SAFETY: no preconditions.
    return unsafe { libc::__error() };
    #[cfg(not(target_os = "macos"))]
    // SAFETY: no preconditions.
    return unsafe { libc::__errno_location() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cranelift, Engine};
    use detent_gas::{Facts, Form, SideTable};

    /// Without the addresses calls work as well, only slower: so this must be looked at.
    #[test]
    fn the_cells_of_this_wasmtime_are_found_by_address() {
        let text = r#"(module (import "e" "f" (func $f)) (export "again" (func $f)) (memory 1) (table 2 funcref) (elem (i32.const 0) $r)
            (global (export "detent:gas") (mut i64) (i64.const 5)) (global (export "detent:rest") (mut i32) (i32.const 6))
            (global (export "detent:pages") (mut i32) (i32.const 7)) (global (export "detent:status") (mut i32) (i32.const 8))
            (global (export "detent:flags") (mut i32) (i32.const 9)) (global i64 (i64.const 10))
            (global (export "detent:g0") (mut f32) (f32.const -1)) (global (export "detent:g1") (mut f64) (f64.const 2))
            (func $r (export "run")))"#;
        let facts = Facts { mutable_globals: 2, ..Facts::default() };
        let module = Deterministic { wasm: wat::parse_str(text).unwrap(), form: Form::Side, side: SideTable::default(), facts };
        let engine = Cranelift::new(Settings::default()).unwrap();
        let code = Module::new(engine.engine(), &module.wasm).unwrap();
        let native = Native::new(Process::current(), engine.quiet(), &Settings::default(), Arc::new(module), code).unwrap();
        for _ in 0..2 {
            let mut warm = native.fresh().unwrap();
            assert!(native.shared.layout.get().unwrap().is_some());
            let mut view = View { cx: warm.store.as_context_mut() };
            let cells = [Cell::Gas, Cell::Rest, Cell::Pages, Cell::Status, Cell::Flags];
            assert_eq!(cells.map(|cell| view.get(cell)), [5, 6, 7, 8, 9], "discovery left the values alone");
            view.set(Cell::Gas, -3);
            view.set(Cell::Flags, -4);
            assert_eq!(cells.map(|cell| view.get(cell)), [-3, 6, 7, 8, -4]);
        }
        assert_eq!(engine.name(), "cranelift");
    }
}
