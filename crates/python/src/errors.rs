//! Faults become Python exceptions of `detent.errors`; panics become node faults.

use detent_protocol::{Code, Fault};
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The exception of a fault: `detent.errors.error(code, detail, at)`.
pub fn raise(py: Python<'_>, fault: &Fault) -> PyErr {
    let made = py
        .import("detent.errors")
        .and_then(|module| module.call_method1("error", (fault.code.entry().code, fault.detail.as_str(), fault.at.as_deref())));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(broken) => broken,
    }
}

/// Runs core code without the GIL. A panic in it is a defect of ours: it becomes a `node_fault`, never a crash.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Fault> + Send) -> PyResult<T> {
    py.detach(|| guarded(work)).map_err(|fault| raise(py, &fault))
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // What the panicking code held is dropped or refused later (a chain marks itself broken), so unwinding is safe to catch.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Fault::new(Code::NodeFault, format!("the core panicked: {}", words.unwrap_or("no message"))))
    })
}

/// A 32-byte argument.
pub fn bytes32(py: Python<'_>, bytes: &[u8], what: &str) -> PyResult<[u8; 32]> {
    bytes.try_into().map_err(|_| raise(py, &Fault::new(Code::AddressMalformed, format!("{what} is 32 bytes, not {}", bytes.len()))))
}
