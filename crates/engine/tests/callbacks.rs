//! Callbacks cost on both engines what `tests/data/callbacks.txt` says; `tests/test_callbacks.py` holds the specification to the same table.

mod common;

use common::*;
use detent_engine::{Budget, Call, End, Exit, Host, Instance, Reply, Trap};
use detent_gas::{Options, rewrite};
use detent_protocol::Schedule;
use std::sync::Arc;

/// Enters an export for each call, and answers its result, or -1 when it trapped.
struct Back;

impl Host for Back {
    fn call(&mut self, _: usize, args: &[u64], _: &mut dyn Instance) -> Result<Reply, Exit> {
        let entry = ["g", "deep", "f"][args[0] as usize - 1];
        Ok(Reply::CallBack { entry: entry.into(), args: vec![args[1]] })
    }

    fn resume(&mut self, ended: End, _: &mut dyn Instance) -> Result<Reply, Exit> {
        Ok(Reply::Value(match ended {
            End::Returned(values) => values[0],
            _ => 0xffff_ffff,
        }))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[test]
fn callbacks_cost_on_both_engines_what_the_table_says() {
    let wasm = wat::parse_str(include_str!("../../../tests/data/callbacks.wat")).unwrap();
    let rows: Vec<&str> = include_str!("../../../tests/data/callbacks.txt").lines().filter(|row| !row.starts_with('#')).collect();
    assert!(rows.len() > 60);
    for engine in engines() {
        let options = Options { form: engine.form(), metering: true, reenters: vec![("t".into(), "h".into())] };
        let artefact = engine.compile(Arc::new(rewrite(&wasm, Schedule::current(), &options).unwrap())).unwrap();
        for row in &rows {
            let [entry, arg, fuel] = row.split(' ').take(3).collect::<Vec<_>>()[..] else { panic!("{row}") };
            let (args, fuel) = ([arg.parse::<u64>().unwrap()], fuel.parse::<u64>().unwrap());
            let frame = Call { budget: Budget { fuel, ..budget() }, ..call(entry, &args) };
            let ended = artefact.run(Box::new(Back), &frame).1.unwrap();
            let (end, results) = match &ended.end {
                End::Returned(values) => ("returned", values.clone()),
                End::OutOfGas => ("out_of_gas", vec![]),
                End::Trapped(Trap::Unreachable) => ("trapped:unreachable", vec![]),
                End::Trapped(Trap::MemoryOutOfBounds) => ("trapped:memory_out_of_bounds", vec![]),
                End::Trapped(Trap::IntegerDivisionByZero) => ("trapped:integer_division_by_zero", vec![]),
                other => panic!("{row}: {other:?}"),
            };
            let results = if results.is_empty() { "-".into() } else { results.iter().map(u64::to_string).collect::<Vec<_>>().join(" ") };
            assert_eq!(format!("{entry} {arg} {fuel} {end} {} {results}", ended.used), **row, "{}", engine.name());
        }
    }
}
