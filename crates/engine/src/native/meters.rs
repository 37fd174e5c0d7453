//! Meters beside ours, for measuring what metering costs (`detent bench meters`). Never used to run a contract: engine fuel loses what
//! was spent before a trapping load and makes small modules compile in quadratic time, and both are pinned by tests.

use super::config::config;
use super::refused;
use crate::Settings;
use detent_gas::{Form, Options, rewrite};
use detent_protocol::{Code, Fault, Schedule};
use std::time::{Duration, Instant};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Strategy, Val, WasmFeatures};

/// How a bench counts work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meter {
    /// Not at all, and nothing else of the form either: the module as it is.
    Plain,
    /// Not at all; one NaN by the engine.
    None,
    /// The engine's own fuel, one NaN by the engine.
    Fuel,
    /// A call of a host function at each block, one NaN by the engine.
    HostCall,
    /// The deterministic form.
    Form,
    /// The deterministic form without its charges: one NaN and the stack rule only.
    Uncharged,
}

impl Meter {
    /// `plain`, `none`, `fuel`, `hostcall`, `form` or `uncharged`.
    pub fn find(name: &str) -> Result<Meter, Fault> {
        match name {
            "plain" => Ok(Meter::Plain),
            "none" => Ok(Meter::None),
            "fuel" => Ok(Meter::Fuel),
            "hostcall" => Ok(Meter::HostCall),
            "form" => Ok(Meter::Form),
            "uncharged" => Ok(Meter::Uncharged),
            other => {
                Err(Fault::new(Code::ArgumentWrong, format!("no meter {other:?}; there are plain, none, fuel, hostcall, form, uncharged")))
            }
        }
    }
}

/// Plenty for any bench.
const PLENTY: i64 = 1 << 60;

/// A module without imports under one meter on Cranelift, instantiated once.
pub struct MeterBench {
    store: Store<i64>,
    instance: Instance,
    meter: Meter,
}

impl MeterBench {
    /// Compiles `wasm` under the meter. Also says how long compiling took.
    pub fn new(wasm: &[u8], meter: Meter) -> Result<(MeterBench, Duration), Fault> {
        let mut configuration: Config = config(Strategy::Cranelift, &Settings::default()).map_err(|e| refused(&e))?;
        if !matches!(meter, Meter::Form | Meter::Uncharged) {
            configuration.cranelift_nan_canonicalization(meter != Meter::Plain);
            // as compilers write it; the form re-encodes
            configuration.wasm_features(WasmFeatures::CALL_INDIRECT_OVERLONG, true);
        }
        configuration.consume_fuel(meter == Meter::Fuel);
        let engine = Engine::new(&configuration).map_err(|e| refused(&e))?;
        let bytes = match meter {
            Meter::Plain | Meter::None | Meter::Fuel => wasm.to_vec(),
            Meter::HostCall => detent_gas::host_call_meter(wasm, Schedule::current())?,
            Meter::Form | Meter::Uncharged => {
                let options = Options { form: Form::Side, metering: meter == Meter::Form, ..Options::default() };
                rewrite(wasm, Schedule::current(), &options)?.wasm
            }
        };
        let began = Instant::now();
        let module = Module::new(&engine, &bytes).map_err(|e| refused(&e))?;
        let took = began.elapsed();
        let mut linker: Linker<i64> = Linker::new(&engine);
        linker
            .func_wrap(detent_gas::METER_MODULE, detent_gas::METER_NAME, |mut caller: wasmtime::Caller<'_, i64>, cost: i64| {
                let left = caller.data_mut();
                *left -= cost;
                if *left < 0 { Err(wasmtime::Error::msg("out of gas")) } else { Ok(()) }
            })
            .map_err(|e| refused(&e))?;
        let mut store = Store::new(&engine, PLENTY);
        if meter == Meter::Fuel {
            store.set_fuel(PLENTY as u64).map_err(|e| refused(&e))?;
        }
        let instance = linker.instantiate(&mut store, &module).map_err(|e| refused(&e))?;
        Ok((MeterBench { store, instance, meter }, took))
    }

    /// Runs an export `(i32) -> i64` and gives its result and the time it took, or the trap as a fault.
    pub fn run(&mut self, entry: &str, n: u32) -> Result<(u64, Duration), Fault> {
        match self.meter {
            Meter::Plain | Meter::None => {}
            Meter::Fuel => self.store.set_fuel(PLENTY as u64).map_err(|e| refused(&e))?,
            Meter::HostCall => *self.store.data_mut() = PLENTY,
            Meter::Form | Meter::Uncharged => {
                self.set("detent:gas", Val::I64(PLENTY))?;
                self.set("detent:rest", Val::I32(Schedule::current().limits.stack_bytes as i32))?;
            }
        }
        let unknown = || Fault::new(Code::EntryUnknown, format!("no export {entry:?} of type (i32) -> i64"));
        let function = self.instance.get_typed_func::<u32, u64>(&mut self.store, entry).map_err(|_| unknown())?;
        let began = Instant::now();
        let result = function.call(&mut self.store, n).map_err(|e| Fault::new(Code::Trap, format!("{e:#}")))?;
        Ok((result, began.elapsed()))
    }

    /// What the last run used by this meter's count; 0 without one.
    pub fn used(&mut self) -> u64 {
        match self.meter {
            Meter::Plain | Meter::None => 0,
            Meter::Fuel => self.store.get_fuel().map_or(0, |left| PLENTY as u64 - left),
            Meter::HostCall => (PLENTY - *self.store.data()) as u64,
            Meter::Form | Meter::Uncharged => {
                let left = self.instance.get_global(&mut self.store, "detent:gas").and_then(|cell| cell.get(&mut self.store).i64());
                (PLENTY - left.unwrap_or(PLENTY)) as u64
            }
        }
    }

    fn set(&mut self, cell: &str, value: Val) -> Result<(), Fault> {
        let global =
            self.instance.get_global(&mut self.store, cell).ok_or_else(|| Fault::new(Code::EngineRefused, format!("no {cell}")))?;
        global.set(&mut self.store, value).map_err(|e| refused(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK_THEN_TRAP: &str = r#"(module (memory 1) (func (export "f") (param i32) (result i64)
        (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i64.load (i32.const -1))))"#;

    /// The first hole of engine fuel (adversarial shape C11): work before a trapping load is not reported. Ours counts it.
    #[test]
    fn engine_fuel_forgets_a_loop_that_ends_in_a_trapping_load() {
        let wasm = wat::parse_str(WORK_THEN_TRAP).expect("text");
        let run = |meter| {
            let (mut bench, _) = MeterBench::new(&wasm, meter).expect("compiles");
            assert_eq!(bench.run("f", 1_000_000).expect_err("traps").code, Code::Trap);
            bench.used()
        };
        assert!(run(Meter::Fuel) < 100, "engine fuel has learnt to report work before traps: docs/metering.md can say so");
        assert!(run(Meter::Form) >= 4_000_000);
    }

    /// The second hole (shape A1): with fuel, a body of empty loops compiles in time that grows with its square. The bound is a tenth
    /// of what was measured (about 100), so that only the hole's end fails the test.
    #[test]
    fn engine_fuel_makes_empty_loops_compile_quadratically() {
        let text = format!("(module (func (export \"f\") (param i32) (result i64) {} (i64.const 0)))", "(loop)".repeat(6000));
        let wasm = wat::parse_str(text).expect("text");
        let took = |meter| MeterBench::new(&wasm, meter).expect("compiles").1;
        let (fuel, none) = (took(Meter::Fuel), took(Meter::None));
        assert!(fuel > 5 * none, "with fuel {fuel:?}, without {none:?}");
    }

    #[test]
    fn all_meters_compute_the_same() {
        let text = r#"(module (func (export "f") (param i32) (result i64) (local i64)
            (loop $l (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const 3)) (i64.const 1)))
              (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get 1)))"#;
        let wasm = wat::parse_str(text).expect("text");
        let mut results = [Meter::None, Meter::Fuel, Meter::HostCall, Meter::Form].map(|meter| {
            let (mut bench, _) = MeterBench::new(&wasm, meter).expect("compiles");
            let result = bench.run("f", 1000).expect("runs").0;
            (result, bench.used())
        });
        assert!(results.windows(2).all(|w| w[0].0 == w[1].0));
        // the host call is charged the same blocks as the form
        assert_eq!(results[2].1, results[3].1);
        results.reverse();
    }
}
