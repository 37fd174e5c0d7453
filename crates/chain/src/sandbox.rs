//! One module on an empty state, no chain: what `detent run` and `detent.run` do.

use detent_engine::{Budget, Call, End, Ended, Engine, Exit};
use detent_gas::{Options, rewrite};
use detent_gate::{Profile, check};
use detent_host::{Address, CallKind, Env, FrameContext, HostFrame, ImportTable, Moved, NestedCall, NestedEnded, Outcome, Slot, World};
use detent_protocol::{Code, Fault, HostTable, Schedule};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What to run.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// An exported function.
    pub entry: &'a str,
    /// Its arguments, raw bits.
    pub args: &'a [u64],
    /// What `calldata_copy` gives.
    pub calldata: &'a [u8],
    /// What `tx_value` gives.
    pub value: u128,
    /// Fuel limit.
    pub fuel: u64,
    /// Fuel per gas.
    pub fuel_per_gas: u64,
    /// Whether the frame pays the instance charge.
    pub instance_charge: bool,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct SandboxRun {
    /// The engine's answer.
    pub ended: Ended,
    /// What the module handed to `return` or `revert`.
    pub outcome: Outcome,
    /// Function names of the module by index, where it has them.
    pub names: Vec<Option<String>>,
}

impl SandboxRun {
    /// `success`, `revert` or `halt`.
    pub fn kind(&self) -> &'static str {
        match (&self.ended.end, &self.outcome) {
            (End::Returned(_), _) | (End::Stopped, Outcome::Return(_)) => "success",
            (End::Stopped, _) => "revert",
            _ => "halt",
        }
    }

    /// Return or revert bytes.
    pub fn output(&self) -> &[u8] {
        match &self.outcome {
            Outcome::Return(data) | Outcome::Revert(data) => data,
            Outcome::None => &[],
        }
    }
}

/// Admits (any module, no ABI section needed), rewrites, compiles and runs.
pub fn run(wasm: &[u8], request: &Request<'_>, engine: &dyn Engine) -> Result<SandboxRun, Fault> {
    let report = check(wasm, Profile::Bare);
    if let Some(fault) = report.fault() {
        return Err(fault);
    }
    let options = Options { form: engine.form(), metering: true, reenters: Vec::new() };
    let module = Arc::new(rewrite(wasm, Schedule::current(), &options)?);
    let Some(export) = module.facts.exports.iter().find(|e| e.name == request.entry) else {
        let known: Vec<_> = module.facts.exports.iter().map(|e| e.name.as_str()).collect();
        return Err(Fault::new(
            Code::EntryUnknown,
            format!("no exported function is called {:?}; there are: {}", request.entry, known.join(", ")),
        ));
    };
    if export.ty.params.len() != request.args.len() {
        let detail = format!("{} takes {} arguments, {} were given", request.entry, export.ty.params.len(), request.args.len());
        return Err(Fault::new(Code::ArgumentWrong, detail));
    }
    let imports = ImportTable::new(&module.facts.imports)?;
    let names = module.facts.names.clone();
    let artefact = engine.compile(module)?;
    let world = Sandbox { env: environment(request.fuel_per_gas), storage: BTreeMap::new(), balance: request.value };
    let context = FrameContext {
        self_address: [0x11; 32],
        caller: [0; 32],
        origin: [0; 32],
        value: request.value,
        calldata: request.calldata.to_vec(),
        view: false,
        depth: 0,
        tx_hash: [0; 32].into(),
        schema: None,
    };
    let limits = &Schedule::current().limits;
    let call = Call {
        entry: request.entry,
        args: request.args,
        budget: Budget { fuel: request.fuel, rest: limits.stack_bytes as i32, pages: limits.live_pages },
        instance_charge: request.instance_charge,
        initialize: true,
    };
    let (host, ended) = artefact.run(Box::new(HostFrame::new(world, context, &imports)), &call);
    let ended = ended?;
    let frame =
        host.into_any().downcast::<HostFrame<Sandbox>>().map_err(|_| Fault::new(Code::NodeFault, "the engine gave another host back"))?;
    let (_, _, outcome) = frame.into_parts();
    Ok(SandboxRun { ended, outcome, names })
}

fn environment(fuel_per_gas: u64) -> Env {
    Env { chain_id: 31337, wave_id: 0, wave_timestamp: 0, beacon: [0; 32], fuel_per_gas: fuel_per_gas.max(1) }
}

/// An empty state with one account: the module's own.
struct Sandbox {
    env: Env,
    storage: BTreeMap<Slot, Vec<u8>>,
    balance: u128,
}

impl World for Sandbox {
    fn env(&self) -> &Env {
        &self.env
    }

    fn load(&mut self, _owner: &Address, slot: &Slot) -> Result<Option<&[u8]>, Fault> {
        Ok(self.storage.get(slot).map(Vec::as_slice))
    }

    fn store(&mut self, _owner: &Address, slot: &Slot, value: Option<&[u8]>) -> Result<(), Fault> {
        match value {
            Some(bytes) => self.storage.insert(*slot, bytes.to_vec()),
            None => self.storage.remove(slot),
        };
        Ok(())
    }

    fn balance(&mut self, address: &Address) -> Result<u128, Fault> {
        Ok(if *address == [0x11; 32] { self.balance } else { 0 })
    }

    fn transfer(&mut self, from: &Address, to: &Address, amount: u128) -> Result<Moved, Fault> {
        if self.balance < amount {
            return Ok(Moved::Insufficient);
        }
        if from != to {
            self.balance -= amount;
        }
        Ok(Moved::Done)
    }

    fn emit(&mut self, _emitter: &Address, _topics: Vec<[u8; 32]>, _data: Vec<u8>) {}

    fn nested(&mut self, caller: &FrameContext, call: NestedCall) -> Result<NestedEnded, Exit> {
        // nobody else is deployed here: the answers of a chain without such a contract
        let codes = &HostTable::current().codes;
        let named = |name: &str| codes.get(name).copied().unwrap_or(-100);
        let code = match call.kind {
            CallKind::Call => match self.transfer(&caller.self_address, &call.target, call.value).map_err(Exit::Node)? {
                Moved::Done => 0,
                Moved::Insufficient | Moved::Overflow => named("insufficient_balance"),
            },
            CallKind::Static | CallKind::Delegate => named("invalid_function_name"),
        };
        Ok(NestedEnded { code, output: Vec::new(), used: 0 })
    }
}
