//! `detent._core`: the extension module. Conversions and the GIL, no logic; `python/detent/_core.pyi` documents it.

mod bench;
mod chain;
mod engines;
mod errors;
mod keys;
mod receipts;
mod stages;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Names of the engines.
#[pyfunction(name = "engines")]
fn engine_names(py: Python<'_>) -> PyResult<Vec<&'static str>> {
    errors::detached(py, engines::names)
}

/// Whether the signal handlers that turn machine faults into guest traps are in place.
#[pyfunction]
fn signals_intact() -> bool {
    detent_engine::signals_intact()
}

/// 32 bytes.
#[pyfunction]
fn hash_poseidon2<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &detent_host::poseidon2::hash(data))
}

/// The address of a contract of that name.
#[pyfunction]
fn contract_address<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &detent_chain::address::of_contract(name))
}

/// The module.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<bench::MeterBench>()?;
    module.add_class::<chain::Chain>()?;
    module.add_class::<keys::Key>()?;
    module.add_class::<receipts::Batch>()?;
    module.add_class::<receipts::Block>()?;
    module.add_class::<receipts::Event>()?;
    module.add_class::<receipts::Receipt>()?;
    module.add_class::<stages::Metered>()?;
    module.add_class::<stages::Run>()?;
    module.add_function(wrap_pyfunction!(bench::bench_calls, module)?)?;
    module.add_function(wrap_pyfunction!(bench::bench_transfers, module)?)?;
    module.add_function(wrap_pyfunction!(contract_address, module)?)?;
    module.add_function(wrap_pyfunction!(engine_names, module)?)?;
    module.add_function(wrap_pyfunction!(hash_poseidon2, module)?)?;
    module.add_function(wrap_pyfunction!(keys::sign_batch, module)?)?;
    module.add_function(wrap_pyfunction!(keys::verify, module)?)?;
    module.add_function(wrap_pyfunction!(signals_intact, module)?)?;
    module.add_function(wrap_pyfunction!(stages::check, module)?)?;
    module.add_function(wrap_pyfunction!(stages::meter, module)?)?;
    module.add_function(wrap_pyfunction!(stages::run, module)?)?;
    module.add_function(wrap_pyfunction!(stages::wat2wasm, module)?)?;
    Ok(())
}
