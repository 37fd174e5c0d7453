//! What a call costs beside the same call through wasmtime's own pooling allocator, tuned, in one run on one machine.

use crate::{Budget, Call, Cranelift, End, Engine, Exit, Host, Instance, Reply, Settings};
use detent_gas::{Form, Options, rewrite};
use detent_protocol::{Code, Fault, Schedule};
use std::sync::Arc;
use std::time::Instant;
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, MemArg, MemorySection, MemoryType,
    Module, TypeSection, ValType,
};
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// One module's figures: nanoseconds a call, medians.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What a call does.
    pub what: &'static str,
    /// Here: a recycled instance, metered, on the own stack, guarded.
    pub ours: f64,
    /// wasmtime: a new store and instance from the pool (the better of two tunings), not metered.
    pub pooling: f64,
}

impl Row {
    /// Ours over wasmtime's.
    pub fn ratio(&self) -> f64 {
        self.ours / self.pooling
    }
}

/// Modules with an exported memory of `pages` and `run: () -> ()` that calls the host `calls` times, grows by `grow` pages and then stores at `stores`.
struct Shape {
    what: &'static str,
    pages: u64,
    grow: i32,
    stores: &'static [i32],
    calls: u32,
}

const SHAPES: [Shape; 5] = [
    Shape { what: "nothing", pages: 1, grow: 0, stores: &[], calls: 0 },
    Shape { what: "dirties one page", pages: 1, grow: 0, stores: &[100], calls: 0 },
    Shape { what: "17 pages, four dirtied", pages: 17, grow: 0, stores: &[100, 300_000, 600_000, 1_100_000], calls: 0 },
    Shape { what: "grows by one page", pages: 17, grow: 1, stores: &[100, 17 << 16], calls: 0 },
    Shape { what: "100 host calls", pages: 1, grow: 0, stores: &[], calls: 100 },
];

impl Shape {
    fn wasm(&self) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([], [ValType::I32]);
        let mut imports = ImportSection::new();
        imports.import("probe", "host", EntityType::Function(1));
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: self.pages, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0).export("run", ExportKind::Func, 1);
        let mut run = Function::new([]);
        let mut code = run.instructions();
        for _ in 0..self.calls {
            code.call(0).drop();
        }
        if self.grow > 0 {
            code.i32_const(self.grow).memory_grow(0).drop();
        }
        for &at in self.stores {
            code.i32_const(at).i32_const(1).i32_store(MemArg { offset: 0, align: 2, memory_index: 0 });
        }
        code.end();
        let mut bodies = CodeSection::new();
        bodies.function(&run);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories).section(&exports).section(&bodies);
        module.finish()
    }
}

/// Charges one unit a call.
struct Charging;

impl Host for Charging {
    fn call(&mut self, _: usize, _: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        instance.charge(1)?;
        Ok(Reply::Value(0))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Rounds that the median is taken of.
const ROUNDS: usize = 15;

/// Nanoseconds a call: the median over rounds of `calls` calls each, after one round that is not counted.
fn median(calls: u32, mut call: impl FnMut() -> Result<(), Fault>) -> Result<f64, Fault> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..=ROUNDS {
        let start = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        rounds.push(start.elapsed().as_nanos() as f64 / f64::from(calls.max(1)));
    }
    rounds.remove(0);
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}

fn ours(wasm: &[u8], calls: u32) -> Result<f64, Fault> {
    let engine = Cranelift::new(Settings::default())?;
    let options = Options { form: Form::Side, metering: true, reenters: Vec::new() };
    let artefact = engine.compile(Arc::new(rewrite(wasm, Schedule::current(), &options)?))?;
    let budget = Budget { fuel: 1 << 40, rest: Schedule::current().limits.stack_bytes as i32, pages: 4096 };
    let call = Call { entry: "run", args: &[], budget, instance_charge: true, initialize: true };
    let mut host: Option<Box<dyn Host>> = Some(Box::new(Charging));
    median(calls, || {
        let (back, ended) = artefact.run(host.take().unwrap_or_else(|| Box::new(Charging)), &call);
        host = Some(back);
        match ended?.end {
            End::Returned(_) => Ok(()),
            other => Err(Fault::new(Code::NodeFault, format!("the probe ended as {other:?}"))),
        }
    })
}

fn pooling(wasm: &[u8], resident: usize, calls: u32) -> Result<f64, Fault> {
    let failed = |e: wasmtime::Error| Fault::new(Code::NodeFault, format!("{e:#}"));
    let mut pool = PoolingAllocationConfig::default();
    pool.total_memories(16).total_core_instances(16).total_tables(16).max_memory_size(64 << 20);
    pool.linear_memory_keep_resident(resident).table_keep_resident(resident).pagemap_scan(Enabled::Auto);
    let mut config = wasmtime::Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = wasmtime::Engine::new(&config).map_err(failed)?;
    let module = wasmtime::Module::new(&engine, wasm).map_err(failed)?;
    let mut linker = wasmtime::Linker::new(&engine);
    linker.func_wrap("probe", "host", || 0i32).map_err(failed)?;
    let pre = linker.instantiate_pre(&module).map_err(failed)?;
    median(calls, || {
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = pre.instantiate(&mut store).map_err(failed)?;
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").map_err(failed)?;
        run.call(&mut store, ()).map_err(failed)
    })
}

/// Measures every shape, `calls` calls a round (a few thousand give steady figures).
pub fn calls(calls: u32) -> Result<Vec<Row>, Fault> {
    let measure = |shape: &Shape| {
        let wasm = shape.wasm();
        let pooling = pooling(&wasm, 64 << 10, calls)?.min(pooling(&wasm, 2 << 20, calls)?);
        Ok(Row { what: shape.what, ours: ours(&wasm, calls)?, pooling })
    };
    SHAPES.iter().map(measure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_runs_on_both_sides() {
        let rows = calls(3).unwrap();
        assert_eq!(rows.len(), SHAPES.len());
        assert!(rows.iter().all(|row| row.ratio().is_finite() && row.ours > 0.0 && row.pooling > 0.0));
    }
}
