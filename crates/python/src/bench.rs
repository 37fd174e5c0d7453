//! What benchmarks need of the core.

use crate::engines;
use crate::errors::detached;
use detent_chain::Options;
use detent_chain::bench::{Slots, TransferBench, bench_transfers as transfers};
use detent_engine::{Meter, MeterBench as Inner};
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A module without imports under one meter, on Cranelift.
#[pyclass(frozen, module = "detent._core")]
pub struct MeterBench {
    inner: Mutex<Inner>,
    compile: Duration,
}

#[pymethods]
impl MeterBench {
    #[new]
    fn new(py: Python<'_>, wasm: &[u8], meter: &str) -> PyResult<MeterBench> {
        let (inner, compile) = detached(py, || Inner::new(wasm, Meter::find(meter)?))?;
        Ok(MeterBench { inner: Mutex::new(inner), compile })
    }

    /// Nanoseconds that compiling took.
    #[getter]
    fn compile_ns(&self) -> u64 {
        self.compile.as_nanos() as u64
    }

    /// The result of an export `(i32) -> i64`.
    fn run(&self, py: Python<'_>, entry: &str, n: u32) -> PyResult<u64> {
        detached(py, || Ok(self.held().run(entry, n)?.0))
    }

    /// Nanoseconds that it takes.
    fn time(&self, py: Python<'_>, entry: &str, n: u32) -> PyResult<u64> {
        detached(py, || Ok(self.held().run(entry, n)?.1.as_nanos() as u64))
    }

    /// What the last run used, by this meter's count.
    #[getter]
    fn used(&self, py: Python<'_>) -> PyResult<u64> {
        detached(py, || Ok(self.held().used()))
    }
}

impl MeterBench {
    fn held(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call does, its nanoseconds here, and through wasmtime's tuned pool; medians of one run.
#[pyfunction]
pub fn bench_calls(py: Python<'_>, calls: u32) -> PyResult<Vec<(&'static str, f64, f64)>> {
    let rows = detached(py, || detent_engine::probe::calls(calls))?;
    Ok(rows.iter().map(|row| (row.what, row.ours, row.pooling)).collect())
}

/// Token transfers on one core as JSON: rates, times, the same moves natively; balances and root are checked afterwards.
#[pyfunction]
pub fn bench_transfers(py: Python<'_>, token: &[u8], typed: bool, transactions: usize, accounts: usize, block: usize) -> PyResult<String> {
    let slots = if typed { Slots::Typed } else { Slots::Raw };
    let report = detached(py, || {
        let options = Options { cache: engines::cache()?, ..Options::default() };
        transfers(&TransferBench { token, slots, transactions, accounts, block }, options)
    })?;
    Ok(report.to_json().to_string())
}
