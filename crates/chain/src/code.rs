//! Contracts by code hash: admitted, in the engine's form, compiled, with what a call needs looked up once.

use detent_engine::{Artefact, Cache, Engine};
use detent_gas::{Deterministic, Form};
use detent_gate::abi::{Attributes, ContractAbi, Schema};
use detent_gate::{Limit, Profile};
use detent_host::ImportTable;
use detent_protocol::{Code, Fault, Schedule};
use detent_state::{Key, Overlay};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A contract, ready to run.
pub struct Contract {
    /// Names of its functions by index.
    pub(crate) names: Vec<Arc<str>>,
    /// Attributes of its functions by index.
    pub(crate) attributes: Vec<Attributes>,
    /// Indexes of its functions by name.
    sorted: Vec<usize>,
    pub(crate) fallback: Option<usize>,
    pub(crate) receive: Option<usize>,
    pub(crate) constructor: Option<usize>,
    pub(crate) schema: Option<Arc<Schema>>,
    pub(crate) imports: Arc<ImportTable>,
    pub(crate) artefact: Arc<dyn Artefact>,
}

impl Contract {
    fn new(abi: &ContractAbi, artefact: Arc<dyn Artefact>) -> Result<Contract, Fault> {
        let names: Vec<Arc<str>> = abi.functions.iter().map(|f| Arc::from(f.name.as_str())).collect();
        let mut sorted: Vec<usize> = (0..names.len()).collect();
        sorted.sort_by(|&a, &b| names[a].cmp(&names[b]));
        let index = |i: Option<u32>| i.and_then(|i| usize::try_from(i).ok()).filter(|&i| i < names.len());
        Ok(Contract {
            attributes: abi.functions.iter().map(|f| f.attributes).collect(),
            fallback: index(abi.fallback_index),
            receive: index(abi.receive_index),
            constructor: index(abi.constructor_index),
            schema: abi.schema().map(Arc::new),
            imports: ImportTable::new(&artefact.module().facts.imports)?,
            names,
            sorted,
            artefact,
        })
    }

    /// Index of the function of that name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let name_of = |&i: &usize| self.names.get(i).map_or("", |n| n);
        let at = self.sorted.binary_search_by(|i| name_of(i).cmp(name)).ok()?;
        self.sorted.get(at).copied()
    }
}

/// A module that the gate let in, in the side form: what a deployment is priced by, on every engine.
pub(crate) struct Admitted {
    pub abi: ContractAbi,
    pub form: Deterministic,
    pub functions: u64,
}

/// Lets a module in, or says the first reason why not.
pub(crate) fn admit(wasm: &[u8]) -> Result<Admitted, Fault> {
    let admitted = detent_gate::admit(wasm, Profile::Contract, Schedule::current(), Form::Side)
        .map_err(|report| report.fault().unwrap_or_else(|| Fault::new(Code::ModuleMalformed, "the gate gave no reason")))?;
    let abi = admitted.abi.ok_or_else(|| Fault::new(Code::AbiSection, "the module has no pyde.abi section"))?;
    let functions = admitted.facts.shape.get(Limit::Functions);
    Ok(Admitted { abi, form: admitted.form, functions })
}

struct Slot {
    contract: Arc<Contract>,
    size: usize,
    used: AtomicU64,
}

/// Contracts of one engine, by code hash, bounded in bytes; the least recently used leave first.
pub struct Loader {
    engine: Arc<dyn Engine>,
    artefacts: Arc<Cache>,
    limit: usize,
    clock: AtomicU64,
    contracts: RwLock<HashMap<[u8; 32], Slot>>,
}

impl Loader {
    /// A loader that holds on to up to `limit` bytes of artefacts of its own; `artefacts` is where it gets them, often shared.
    pub fn new(engine: Arc<dyn Engine>, artefacts: Arc<Cache>, limit: usize) -> Loader {
        Loader { engine, artefacts, limit, clock: AtomicU64::new(0), contracts: RwLock::new(HashMap::new()) }
    }

    /// The engine's name.
    pub fn engine(&self) -> &'static str {
        self.engine.name()
    }

    /// The contract of a code hash; its code comes from state. Code that is missing or no longer admitted is the node's fault.
    pub(crate) fn load(&self, hash: &[u8; 32], state: &mut Overlay) -> Result<Arc<Contract>, Fault> {
        if let Some(found) = self.find(hash) {
            return Ok(found);
        }
        let broken = |why: String| Fault::new(Code::NodeFault, why).at(format_args!("code 0x{}", hex::encode(hash)));
        let code = state.get(&Key::code(hash))?.ok_or_else(|| broken("an account's code is not in state".into()))?;
        let admitted = admit(code).map_err(|fault| broken(format!("stored code is not admitted: {fault}")))?;
        let form = match self.engine.form() {
            Form::Side => admitted.form,
            Form::Fine => rewrite_fine(code)?,
        };
        self.compile(hash, admitted.abi, form)
    }

    fn find(&self, hash: &[u8; 32]) -> Option<Arc<Contract>> {
        let contracts = self.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let slot = contracts.get(hash)?;
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(Arc::clone(&slot.contract))
    }

    /// Compiles a form and keeps the result.
    fn compile(&self, hash: &[u8; 32], abi: ContractAbi, form: Deterministic) -> Result<Arc<Contract>, Fault> {
        let key = detent_engine::Key::new(hash, &*self.engine);
        let artefact = self.artefacts.get_or_compile(&key, &*self.engine, || Ok(Arc::new(form)))?;
        let size = artefact.size();
        let contract = Arc::new(Contract::new(&abi, artefact)?);
        let mut contracts = self.contracts.write().unwrap_or_else(PoisonError::into_inner);
        let used = AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed));
        contracts.insert(*hash, Slot { contract: Arc::clone(&contract), size, used });
        let mut held: usize = contracts.values().map(|slot| slot.size).sum();
        while held > self.limit && contracts.len() > 1 {
            let oldest = contracts.iter().filter(|(h, _)| *h != hash).min_by_key(|(_, s)| s.used.load(Ordering::Relaxed)).map(|(h, _)| *h);
            match oldest.and_then(|h| contracts.remove(&h)) {
                Some(slot) => held = held.saturating_sub(slot.size),
                None => break,
            }
        }
        Ok(contract)
    }
}

fn rewrite_fine(code: &[u8]) -> Result<Deterministic, Fault> {
    let options = detent_gas::Options { form: Form::Fine, metering: true, reenters: Vec::new() };
    detent_gas::rewrite(code, Schedule::current(), &options)
}
