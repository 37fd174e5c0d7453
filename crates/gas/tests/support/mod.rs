//! Runs rewritten modules on wasmi, which shares no code with the rewriter, by the host's part of `docs/metering.md`.
#![allow(dead_code)] // each test file uses its part

pub mod accountant;
pub mod standing;

use detent_gas::{Deterministic, Form, Options};
use detent_protocol::Schedule;
use wasmi::{AsContext, AsContextMut, Caller, Engine, Error, ExternType, Func, Instance, Module, Store, StoreContextMut, TrapCode, Val};
use wasmparser::{Validator, WasmFeatures};

/// What the gate admits, and the reference types of the specification's scripts.
pub fn features() -> WasmFeatures {
    WasmFeatures::WASM2.difference(WasmFeatures::SIMD)
}

/// What an engine is told to accept: no overlong `call_indirect`, no reference types.
pub fn contract_features() -> WasmFeatures {
    features().difference(WasmFeatures::REFERENCE_TYPES)
}

pub fn options(form: Form) -> Options {
    Options { form, metering: true, reenters: vec![("t".into(), "back".into())] }
}

/// Rewrites text, and checks that the result is a module that an engine accepts.
pub fn form(text: &str, form: Form) -> Deterministic {
    form_by(text, form, flat())
}

/// The schedule in force, but operators take nothing of the logical stack, so that tests of frames are about one thing at a time.
pub fn flat() -> &'static Schedule {
    static FLAT: std::sync::LazyLock<Schedule> = std::sync::LazyLock::new(|| {
        let mut schedule = Schedule::current().clone();
        schedule.stack.operator = 0;
        schedule
    });
    &FLAT
}

pub fn form_by(text: &str, form: Form, schedule: &Schedule) -> Deterministic {
    let wasm = wat::parse_str(text).unwrap();
    rewritten(&wasm, &options(form), schedule)
}

pub fn rewritten(wasm: &[u8], options: &Options, schedule: &Schedule) -> Deterministic {
    let out = detent_gas::rewrite(wasm, schedule, options).unwrap();
    // What an engine is told to accept, unless the original already wants more.
    let contract = Validator::new_with_features(contract_features()).validate_all(wasm).is_ok();
    let features = if contract { contract_features() } else { features() };
    if let Err(e) = Validator::new_with_features(features).validate_all(&out.wasm) {
        panic!("rewritten module does not validate: {e}\n{}", hex(&out.wasm));
    }
    out
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Returned(Vec<u64>),
    Trapped(TrapCode),
    OutOfGas,
    StackOverflow,
    /// The host's trap.
    Host,
}

/// A call that the host saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub name: String,
    pub args: Vec<u64>,
    pub gas: i64,
    pub rest: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    pub used: u64,
    pub flags: i32,
    pub pages: i32,
    pub seen: Vec<Seen>,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub fuel: u64,
    pub rest: i32,
    pub pages: i32,
}

pub fn limits(fuel: u64) -> Limits {
    Limits { fuel, rest: i32::try_from(Schedule::current().limits.stack_bytes).unwrap(), pages: 4096 }
}

#[derive(Default)]
struct Data {
    instance: Option<Instance>,
    fine: bool,
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct HostTrap;
impl std::fmt::Display for HostTrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("host trap")
    }
}
impl wasmi::errors::HostError for HostTrap {}

/// An instance in a store of its own.
pub struct Machine {
    store: Store<Data>,
    instance: Instance,
}

fn global(cx: &StoreContextMut<'_, Data>, name: &str) -> i64 {
    let instance = cx.data().instance.unwrap();
    match instance.get_global(cx.as_context(), &format!("detent:{name}")).unwrap().get(cx.as_context()) {
        Val::I32(v) => i64::from(v),
        Val::I64(v) => v,
        other => panic!("{name} is {other:?}"),
    }
}

fn set_global(cx: &mut StoreContextMut<'_, Data>, name: &str, value: i64) {
    let instance = cx.data().instance.unwrap();
    let cell = instance.get_global(cx.as_context(), &format!("detent:{name}")).unwrap();
    let value = if matches!(name, "gas" | "owed" | "unpaid") { Val::I64(value) } else { Val::I32(value as i32) };
    cell.set(cx.as_context_mut(), value).unwrap();
}

pub fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(v) => u64::from(*v as u32),
        Val::I64(v) => *v as u64,
        Val::F32(v) => u64::from(v.to_bits()),
        Val::F64(v) => v.to_bits(),
        other => panic!("{other:?}"),
    }
}

fn val(ty: wasmi::ValType, bits: u64) -> Val {
    match ty {
        wasmi::ValType::I32 => Val::I32(bits as i32),
        wasmi::ValType::I64 => Val::I64(bits as i64),
        wasmi::ValType::F32 => Val::F32(wasmi::F32::from_bits(bits as u32)),
        wasmi::ValType::F64 => Val::F64(wasmi::F64::from_bits(bits)),
        other => panic!("{other:?}"),
    }
}

/// One host entry: section 8's rules for the host.
fn enter(cx: &mut StoreContextMut<'_, Data>, name: &str, args: &[u64]) -> (End, u64) {
    let instance = cx.data().instance.unwrap();
    let function = instance.get_func(cx.as_context(), name).unwrap_or_else(|| panic!("no export {name}"));
    let ty = function.ty(cx.as_context());
    let args: Vec<Val> = ty.params().iter().zip(args).map(|(t, b)| val(*t, *b)).collect();
    let mut results: Vec<Val> = ty.results().iter().map(|t| val(*t, 0)).collect();
    let owed_before = global(cx, "owed");
    let result = function.call(cx.as_context_mut(), &args, &mut results);
    let owed = global(cx, "owed") - owed_before;
    set_global(cx, "owed", owed_before);
    if !cx.data().fine && result.as_ref().is_err_and(|e| e.as_trap_code().is_some()) {
        let left = global(cx, "gas") - global(cx, "unpaid");
        set_global(cx, "gas", left);
    }
    if global(cx, "gas") < 0 {
        return (End::OutOfGas, 0);
    }
    let status = global(cx, "status");
    set_global(cx, "status", 0);
    match result {
        Ok(()) => {
            assert_eq!(status, 0);
            (End::Returned(results.iter().map(bits).collect()), 0)
        }
        Err(e) if e.downcast_ref::<HostTrap>().is_some() => (End::Host, 0),
        Err(e) => {
            let trap = e.as_trap_code().unwrap_or_else(|| panic!("{e}"));
            let end = match status {
                0 => End::Trapped(trap),
                1 => End::StackOverflow,
                other => panic!("status {other}"),
            };
            (end, u64::try_from(owed).expect("what is owed is not negative"))
        }
    }
}

/// Imports of tests: `t.log*` write down what they are given; `t.back` enters the export `target` and answers 1 if it trapped; `t.trap` traps;
/// `t.eat` charges its argument.
fn host(mut caller: Caller<'_, Data>, name: &str, args: &[Val], results: &mut [Val]) -> Result<(), Error> {
    let mut cx = caller.as_context_mut();
    let gas = global(&cx, "gas");
    assert!(gas >= 0, "the host was called with an exhausted cell");
    let rest = global(&cx, "rest") as i32;
    let raw: Vec<u64> = args.iter().map(bits).collect();
    cx.data_mut().seen.push(Seen { name: name.into(), args: raw.clone(), gas, rest });
    let mut answer = raw.first().copied().unwrap_or(7);
    match name {
        "trap" => return Err(Error::host(HostTrap)),
        "eat" => {
            set_global(&mut cx, "gas", gas - raw[0] as i64);
            if gas < raw[0] as i64 {
                return Err(Error::host(HostTrap));
            }
        }
        "back" => {
            set_global(&mut cx, "rest", i64::from(rest) - i64::from(Schedule::current().stack.nested_call));
            let (end, refund) = enter(&mut cx, "target", &[]);
            set_global(&mut cx, "rest", i64::from(rest));
            match end {
                End::Returned(_) => answer = 0,
                End::OutOfGas => return Err(Error::host(HostTrap)),
                _ => {
                    let left = global(&cx, "gas");
                    set_global(&mut cx, "gas", left + refund as i64);
                    answer = 1;
                }
            }
        }
        _ => {}
    }
    if let Some(result) = results.first_mut() {
        *result = val(result.ty(), answer);
    }
    Ok(())
}

impl Machine {
    pub fn new(module: &Deterministic) -> Machine {
        Machine::instantiate(module).unwrap()
    }

    /// Fails when a segment does not fit.
    pub fn instantiate(module: &Deterministic) -> Result<Machine, Error> {
        let mut config = wasmi::Config::default();
        config.set_max_recursion_depth(100_000);
        config.set_max_stack_height(256 << 20);
        let engine = Engine::new(&config);
        let wasm = if module.form == Form::Side { standing::instrument(module) } else { module.wasm.clone() };
        Validator::new_with_features(features()).validate_all(&wasm).unwrap();
        // SAFETY: validated just now.
        let code = unsafe { Module::new_unchecked(&engine, &wasm) }.unwrap();
        let mut store = Store::new(&engine, Data { fine: module.form == Form::Fine, ..Data::default() });
        let imports: Vec<_> = code
            .imports()
            .map(|import| {
                let ExternType::Func(ty) = import.ty() else { panic!("import of another kind") };
                let name = import.name().to_owned();
                let call = move |caller: Caller<'_, Data>, args: &[Val], results: &mut [Val]| host(caller, &name, args, results);
                wasmi::Extern::Func(Func::new(&mut store, ty.clone(), call))
            })
            .collect();
        let instance = Instance::new(&mut store, &code, &imports)?;
        store.data_mut().instance = Some(instance);
        Ok(Machine { store, instance })
    }

    /// One frame of one entry.
    pub fn run(&mut self, name: &str, args: &[u64], limits: Limits) -> Ended {
        let mut cx = self.store.as_context_mut();
        cx.data_mut().seen.clear();
        for (cell, value) in
            [("gas", limits.fuel as i64), ("rest", i64::from(limits.rest)), ("pages", i64::from(limits.pages)), ("status", 0), ("flags", 0)]
        {
            set_global(&mut cx, cell, value);
        }
        let (end, refund) = enter(&mut cx, name, args);
        let used = match end {
            End::OutOfGas => limits.fuel,
            _ => limits.fuel - (global(&cx, "gas") as u64 + refund),
        };
        Ended { end, used, flags: global(&cx, "flags") as i32, pages: global(&cx, "pages") as i32, seen: cx.data().seen.clone() }
    }

    /// The accountant's globals.
    pub fn get(&mut self, name: &str) -> u64 {
        bits(&self.instance.get_global(&self.store, &format!("detent-test:{name}")).unwrap().get(&self.store))
    }

    pub fn set(&mut self, name: &str, value: u64) {
        let global = self.instance.get_global(&self.store, &format!("detent-test:{name}")).unwrap();
        global.set(&mut self.store, Val::I64(value as i64)).unwrap();
    }

    pub fn memory(&mut self, module: &Deterministic) -> Vec<u8> {
        match &module.facts.memory {
            Some(name) => self.instance.get_memory(&self.store, name).unwrap().data(&self.store).to_vec(),
            None => Vec::new(),
        }
    }
}

/// Runs the fine form of a text once, in a new instance.
pub fn run(text: &str, name: &str, args: &[u64], limits: Limits) -> Ended {
    Machine::new(&form(text, Form::Fine)).run(name, args, limits)
}

/// Runs both forms, which must agree on everything.
pub fn run_both(text: &str, name: &str, args: &[u64], limits: Limits) -> Ended {
    let fine = run(text, name, args, limits);
    let side = Machine::new(&form(text, Form::Side)).run(name, args, limits);
    assert_eq!(fine, side);
    fine
}

/// A cost of the schedule in force.
pub fn price(name: &str) -> u64 {
    u64::from(Schedule::current().operators.price(name))
}

/// Sum of costs of named operators.
pub fn prices(names: &str) -> u64 {
    names.split_whitespace().map(price).sum()
}

pub const ENTRY: u64 = 2;
