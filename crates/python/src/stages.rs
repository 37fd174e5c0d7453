//! The stages alone: gate, rewriter, one run.

use crate::engines;
use crate::errors::{detached, raise};
use detent_chain::outcome::TrapKind;
use detent_chain::sandbox::{self, SandboxRun};
use detent_engine::{End, signals_check};
use detent_gas::{Form, Options, rewrite};
use detent_gate::Profile;
use detent_protocol::{Code, Fault, Schedule};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A module in deterministic form.
#[pyclass(frozen, module = "detent._core")]
pub struct Metered {
    inner: detent_gas::Deterministic,
}

#[pymethods]
impl Metered {
    /// The rewritten binary.
    #[getter]
    fn wasm<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.wasm)
    }

    /// `side` or `fine`.
    #[getter]
    fn form(&self) -> &'static str {
        match self.inner.form {
            Form::Side => "side",
            Form::Fine => "fine",
        }
    }

    /// Fuel of entering a frame.
    #[getter]
    fn instance_charge(&self) -> u64 {
        self.inner.facts.instance_charge
    }

    /// (code offset in `wasm`, refund in fuel).
    #[getter]
    fn side_table(&self) -> Vec<(u32, u64)> {
        self.inner.side.entries().collect()
    }
}

/// How a run of a module ended.
#[pyclass(frozen, module = "detent._core")]
pub struct Run {
    inner: SandboxRun,
    fuel_per_gas: u64,
}

#[pymethods]
impl Run {
    /// `success`, `revert` or `halt`.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.inner.kind()
    }

    /// `returned`, `stopped`, `trapped:<kind>`, `out_of_gas`, `stack_overflow` or `out_of_memory`.
    #[getter]
    fn end(&self) -> String {
        match &self.inner.ended.end {
            End::Returned(_) => "returned".into(),
            End::Stopped => "stopped".into(),
            End::Trapped(trap) => format!("trapped:{}", TrapKind::from(*trap).name()),
            End::OutOfGas => "out_of_gas".into(),
            End::StackOverflow => "stack_overflow".into(),
            End::OutOfMemory => "out_of_memory".into(),
        }
    }

    /// Fuel.
    #[getter]
    fn fuel_used(&self) -> u64 {
        self.inner.ended.used
    }

    /// Gas: fuel rounded up once.
    #[getter]
    fn gas_used(&self) -> u64 {
        self.inner.ended.used.div_ceil(self.fuel_per_gas)
    }

    /// Return or revert bytes.
    #[getter]
    fn output<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.output())
    }

    /// Results of the export, raw bits.
    #[getter]
    fn results(&self) -> Vec<u64> {
        match &self.inner.ended.end {
            End::Returned(values) => values.clone(),
            _ => Vec::new(),
        }
    }

    /// Words of a host function that trapped.
    #[getter]
    fn detail(&self) -> Option<String> {
        self.inner.ended.detail.clone()
    }

    /// (function index, function name, code offset), innermost first.
    #[getter]
    fn frames(&self) -> Vec<(Option<u32>, Option<String>, Option<u32>)> {
        let name = |index: Option<u32>| index.and_then(|i| self.inner.names.get(i as usize).cloned().flatten());
        self.inner.ended.frames.iter().map(|frame| (frame.function, name(frame.function), frame.offset)).collect()
    }
}

/// The gate's report as JSON.
#[pyfunction]
pub fn check(py: Python<'_>, wasm: &[u8], contract: bool) -> PyResult<String> {
    let profile = if contract { Profile::Contract } else { Profile::Bare };
    detached(py, || serde_json::to_string(&detent_gate::check(wasm, profile)).map_err(|e| Fault::new(Code::NodeFault, e.to_string())))
}

/// The deterministic form of a module that the gate admits (as a bare module).
#[pyfunction]
pub fn meter(py: Python<'_>, wasm: &[u8], form: &str) -> PyResult<Metered> {
    let form = match form {
        "side" => Form::Side,
        "fine" => Form::Fine,
        other => return Err(raise(py, &Fault::new(Code::ArgumentWrong, format!("form is side or fine, not {other:?}")))),
    };
    let inner = detached(py, || {
        if let Some(fault) = detent_gate::check(wasm, Profile::Bare).fault() {
            return Err(fault);
        }
        rewrite(wasm, Schedule::current(), &Options { form, metering: true, reenters: Vec::new() })
    })?;
    Ok(Metered { inner })
}

/// Runs one export on an empty state.
#[pyfunction]
#[pyo3(signature = (wasm, entry, *, args, calldata, value, fuel, fuel_per_gas, engine, instance_charge))]
#[allow(clippy::too_many_arguments)] // keyword arguments of Python
pub fn run(
    py: Python<'_>,
    wasm: &[u8],
    entry: &str,
    args: Vec<u64>,
    calldata: &[u8],
    value: u128,
    fuel: u64,
    fuel_per_gas: u64,
    engine: &str,
    instance_charge: bool,
) -> PyResult<Run> {
    let inner = detached(py, || {
        if fuel >> 63 != 0 || fuel_per_gas == 0 {
            return Err(Fault::new(Code::ArgumentWrong, "fuel is below 2^63 and fuel per gas at least 1"));
        }
        signals_check()?;
        let engine = engines::get(engine)?;
        let request = sandbox::Request { entry, args: &args, calldata, value, fuel, fuel_per_gas, instance_charge };
        sandbox::run(wasm, &request, engine.as_ref())
    })?;
    Ok(Run { inner, fuel_per_gas })
}

/// Binary of WebAssembly text.
#[pyfunction]
pub fn wat2wasm<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    let wasm = detached(py, || wat::parse_str(text).map_err(|e| Fault::new(Code::ModuleMalformed, e.to_string())))?;
    Ok(PyBytes::new(py, &wasm))
}
