//! Engines by name.

use crate::{Cranelift, Engine, Settings, Wasmi};
use detent_protocol::{Code, Fault};
use std::sync::Arc;

/// Every engine of this build. The first is the default.
pub struct Engines {
    all: Vec<Arc<dyn Engine>>,
}

impl Engines {
    /// Makes `cranelift` and `wasmi`.
    pub fn new(settings: &Settings) -> Result<Engines, Fault> {
        Ok(Engines { all: vec![Arc::new(Cranelift::new(settings.clone())?), Arc::new(Wasmi::new(settings.clone()))] })
    }

    /// The engine of that name; [`Code::EngineUnknown`] names the choices.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Engine>, Fault> {
        let found = self.all.iter().find(|engine| engine.name() == name).cloned();
        found.ok_or_else(|| Fault::new(Code::EngineUnknown, format!("no engine {name:?}; there are {}", self.names().join(", "))))
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|engine| engine.name()).collect()
    }
}
