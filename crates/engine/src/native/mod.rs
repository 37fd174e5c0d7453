//! Engines of wasmtime in side form: Cranelift now; Winch and Pulley differ in [`Strategy`] and target only.

mod activation;
mod artefact;
mod cells;
mod config;
mod idle;
mod image;
mod memory;
mod meters;
mod region;
mod trap;

pub use meters::{Meter, MeterBench};

use crate::fork::Process;
use crate::{Artefact, Engine, Settings, guard, signals};
use activation::Quiet;
use artefact::Native;
use detent_gas::{Deterministic, Form};
use detent_protocol::{Code, Fault};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use wasmtime::{Module, Strategy};

/// The optimising compiler.
pub struct Cranelift {
    engine: wasmtime::Engine,
    quiet: Arc<Quiet>,
    settings: Settings,
    fingerprint: [u8; 32],
    process: Process,
}

fn refused(error: &wasmtime::Error) -> Fault {
    Fault::new(Code::EngineRefused, format!("{error:#}"))
}

impl Cranelift {
    /// Makes the engine, and installs the signal handlers if it is the first of the process.
    pub fn new(settings: Settings) -> Result<Cranelift, Fault> {
        let process = Process::current();
        let config = config::config(Strategy::Cranelift, &settings).map_err(|e| refused(&e))?;
        let engine = wasmtime::Engine::new(&config).map_err(|e| refused(&e))?;
        signals::remember();
        guard::start(process);
        let mut hash = Fingerprint(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hash);
        let fingerprint = *hash.0.finalize().as_bytes();
        Ok(Cranelift { engine, quiet: Arc::new(Quiet::new().map_err(|e| refused(&e))?), settings, fingerprint, process })
    }

    #[cfg(test)]
    fn engine(&self) -> &wasmtime::Engine {
        &self.engine
    }

    #[cfg(test)]
    fn quiet(&self) -> Arc<Quiet> {
        self.quiet.clone()
    }

    fn artefact(&self, module: Arc<Deterministic>, code: Module) -> Result<Arc<dyn Artefact>, Fault> {
        let native = Native::new(self.process, self.quiet.clone(), &self.settings, module, code)?;
        Ok(Arc::new(native))
    }

    fn fit(&self, module: &Deterministic) -> Result<(), Fault> {
        self.process.check()?;
        if module.form == self.form() {
            return Ok(());
        }
        Err(Fault::new(Code::EngineRefused, "this engine runs the side form"))
    }
}

impl Engine for Cranelift {
    fn name(&self) -> &'static str {
        "cranelift"
    }

    fn form(&self) -> Form {
        Form::Side
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    fn compile(&self, module: Arc<Deterministic>) -> Result<Arc<dyn Artefact>, Fault> {
        self.fit(&module)?;
        let code = Module::new(&self.engine, &module.wasm).map_err(|e| refused(&e))?;
        self.artefact(module, code)
    }

    fn restore(&self, module: Arc<Deterministic>, native: &[u8]) -> Result<Arc<dyn Artefact>, Fault> {
        self.fit(&module)?;
        // SAFETY: the caller has authenticated the bytes as this engine's own output (`disk` does); wasmtime checks version and flags.
        let code = unsafe { Module::deserialize(&self.engine, native) }.map_err(|e| refused(&e))?;
        self.artefact(module, code)
    }
}

/// Lets a cryptographic hash see what a `Hash` writes.
struct Fingerprint(blake3::Hasher);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0 // only the digest is asked for
    }
}
