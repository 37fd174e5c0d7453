//! B5 of the adversarial list: a module that stands at every loading cap at once is admitted, and then every engine loads and runs it.

mod support;

use detent_engine::{Budget, Call, End, Engines, Exit, Host, Instance, Reply, Settings};
use detent_gate::{Limit, Profile, admit};
use detent_protocol::Schedule;
use std::sync::Arc;
use support::at_caps::cap;
use support::edge::END;
use support::{Shape, leb, repeated};
use wasm_encoder::{ExportKind, ValType};

/// There is nothing to answer: the module's imports are not called.
struct Nothing;

impl Host for Nothing {
    fn call(&mut self, import: usize, _: &[u64], _: &mut dyn Instance) -> Result<Reply, Exit> {
        Err(Exit::Trap(format!("import {import} was called")))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

fn everything() -> Vec<u8> {
    let mut shape = Shape::new();
    shape.pages = u64::from(Schedule::current().limits.memory_pages);
    shape.types.ty().function([ValType::I32], [ValType::I32]);
    for _ in 0..cap(Limit::Imports) {
        shape.import("pyde", "caller", 1);
    }
    let first = shape.raw(0, &[]);
    for n in 3..cap(Limit::Types) + 1 {
        let digits = (0..5).map(|d| [ValType::I32, ValType::I64, ValType::F32, ValType::F64][n >> (2 * d) & 3]);
        shape.types.ty().function(digits, []);
    }
    for _ in 0..cap(Limit::Functions) - 2 {
        shape.raw(0, &[]);
    }
    for n in 0..cap(Limit::Exports) - 2 {
        shape.exports.export(&format!("e{n}"), ExportKind::Func, first + n as u32);
    }
    shape.more.push((4, [vec![1, 0x70, 0], leb(cap(Limit::TableEntries) as u64)].concat()));
    let (mutable, all) = (cap(Limit::MutableGlobals), cap(Limit::Globals));
    let globals = [[0x7e, 1, 0x42, 5, END].repeat(mutable), [0x7d, 0, 0x43, 0, 0, 0, 0, END].repeat(all - mutable)].concat();
    shape.more.push((6, [leb(all as u64), globals].concat()));
    shape.more.push((8, leb(u64::from(first))));
    // one active segment fills the table; the others are passive and empty
    let entries = repeated(cap(Limit::ElementEntries), &leb(u64::from(first)));
    let segments = cap(Limit::ElementSegments);
    shape.more.push((9, [leb(segments as u64), vec![0, 0x41, 0, END], entries, [1, 0, 0].repeat(segments - 1)].concat()));
    // a byte in the first page, a byte in the last, and empty segments
    let last = i64::from(Schedule::current().limits.memory_pages) * 65_536 - 1;
    let mut data = leb(cap(Limit::DataSegments) as u64);
    data.extend([0, 0x41, 0, END, 1, 7]);
    data.extend([vec![0, 0x41], signed(last), vec![END, 1, 7]].concat());
    data.extend([0, 0x41, 0, END, 0].repeat(cap(Limit::DataSegments) - 2));
    shape.more.push((11, data));
    shape.finish()
}

/// Signed LEB128 of a value that is not negative.
fn signed(value: i64) -> Vec<u8> {
    let mut out = leb(value as u64);
    if let Some(last) = out.last_mut().filter(|b| **b & 0x40 != 0) {
        *last |= 0x80;
        out.push(0);
    }
    out
}

#[test]
fn a_module_at_every_loading_cap_loads_and_runs_on_every_engine() {
    let wasm = everything();
    let engines = Engines::new(&Settings::default()).unwrap_or_else(|f| panic!("{f}"));
    let mut used = vec![];
    for name in engines.names() {
        let engine = engines.get(name).unwrap_or_else(|f| panic!("{f}"));
        let admitted = admit(&wasm, Profile::Contract, Schedule::current(), engine.form()).unwrap_or_else(|r| panic!("{r}"));
        let at_cap = [
            Limit::Functions,
            Limit::Types,
            Limit::Imports,
            Limit::Exports,
            Limit::Globals,
            Limit::MutableGlobals,
            Limit::Tables,
            Limit::Memories,
            Limit::TableEntries,
            Limit::ElementSegments,
            Limit::ElementEntries,
            Limit::DataSegments,
        ];
        for limit in at_cap {
            assert_eq!(admitted.facts.shape.get(limit), cap(limit) as u64, "{limit:?}");
        }
        let artefact = engine.compile(Arc::new(admitted.form)).unwrap_or_else(|f| panic!("{name}: {f}"));
        let limits = &Schedule::current().limits;
        let budget = Budget { fuel: 1_000_000, rest: limits.stack_bytes as i32, pages: limits.memory_pages };
        let call = Call { entry: "run", args: &[], budget, instance_charge: true, initialize: true };
        // twice: the second may use the first one's instance again
        for _ in 0..2 {
            let ended = artefact.run(Box::new(Nothing), &call).1.unwrap_or_else(|f| panic!("{name}: {f}"));
            assert_eq!(ended.end, End::Returned(vec![]), "{name}");
            used.push(ended.used);
        }
    }
    assert!(used.len() >= 4 && used.iter().all(|u| *u == used[0]), "{used:?}");
}
