//! Every host function behind real engines: a contract sees what the bench of the other tests sees, to the unit of fuel.

mod common;

use common::call::{Bench, SELF, context, entry};
use common::world::Accounts;
use detent_engine::{Budget, Call, End, Ended, Engine, Engines, Exit, Settings, Trap};
use detent_gas::Options;
use detent_gate::abi::{FieldKind, ScalarType, Schema, StateField, StateSchema};
use detent_host::{FrameContext, Function, HostFrame, ImportTable, NestedEnded, Outcome};
use detent_protocol::{Schedule, ValueType};
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

static ENGINES: LazyLock<Engines> = LazyLock::new(|| Engines::new(&Settings::default()).expect("both engines start"));

/// Where a call's result is stored, and how much memory is handed over at the end.
const RESULT: u64 = 16_000;
const SHOWN: u64 = 16_384;
const FUEL: u64 = 1 << 40;

fn world() -> Accounts {
    let mut world = Accounts::new(1);
    world.balances.insert(SELF, 1 << 90);
    world.storage.insert((SELF, [0; 32]), b"what was there before".to_vec());
    world.ended = Ok(NestedEnded { code: -10, output: b"no, because".to_vec(), used: 12_345 });
    world
}

fn frame_context(view: bool) -> FrameContext {
    let keys = [vec![], vec![ScalarType::U8], vec![ScalarType::U8; 2], vec![ScalarType::U8; 3]];
    let field = |(keys, name): (Vec<ScalarType>, &str)| StateField {
        name: name.into(),
        kind: match keys.is_empty() {
            true => FieldKind::Scalar { value: ScalarType::Bytes },
            false => FieldKind::Map { keys, value: ScalarType::Bytes },
        },
    };
    let schema =
        Schema::new(&StateSchema { fields: keys.into_iter().zip(["nnnnnnn1", "nnnnnnn2", "nnnnnnn3", "nnnnnnn4"]).map(field).collect() });
    FrameContext { schema: Some(Arc::new(schema)), view, ..context() }
}

/// The guest's memory before a call: a slot of zeros, names of fields, a capacity cell.
fn memory() -> Vec<u8> {
    let mut memory = vec![0u8; 65536];
    memory[1000..1032].copy_from_slice(b"nnnnnnn1nnnnnnn2nnnnnnn3nnnnnnn4");
    memory[2000..2004].copy_from_slice(&10u32.to_le_bytes());
    memory
}

/// A module whose `main` makes one call, stores its result, and returns its memory's beginning.
fn module(name: &str, args: &[i64], result: Option<&str>) -> String {
    let function = entry(name);
    let types = |list: &[ValueType]| list.iter().map(|t| if *t == ValueType::I32 { "i32" } else { "i64" }).collect::<Vec<_>>().join(" ");
    let results = result.map_or(String::new(), |ty| format!("(result {ty})"));
    let mut text = format!("(module (import \"pyde\" \"{name}\" (func $f (param {}) {results}))", types(&function.params));
    text += "(import \"pyde\" \"return\" (func $return (param i32 i32))) (memory (export \"memory\") 1)";
    let bytes: String = memory()[..4096].iter().fold(String::new(), |mut s, b| {
        write!(s, "\\{b:02x}").unwrap();
        s
    });
    write!(text, "(data (i32.const 0) \"{bytes}\") (func (export \"main\")").unwrap();
    if result.is_some() {
        write!(text, "(i32.const {RESULT})").unwrap();
    }
    for (arg, ty) in args.iter().zip(&function.params) {
        match ty {
            ValueType::I32 => write!(text, "(i32.const {})", *arg as i32).unwrap(),
            ValueType::I64 => write!(text, "(i64.const {arg})").unwrap(),
        }
    }
    text += "(call $f)";
    if let Some(ty) = result {
        write!(text, "({ty}.store)").unwrap();
    }
    write!(text, "(call $return (i32.const 0) (i32.const {SHOWN}))))").unwrap();
    text
}

fn run(engine: &Arc<dyn Engine>, wat: &str, context: FrameContext) -> (Ended, Accounts, Outcome) {
    let wasm = wat::parse_str(wat).expect("the module parses");
    let options = Options { form: engine.form(), metering: true, reenters: Vec::new() };
    let form = detent_gas::rewrite(&wasm, Schedule::current(), &options).expect("it has a deterministic form");
    let imports = ImportTable::new(&form.facts.imports).expect("its imports are the host's");
    let artefact = engine.compile(Arc::new(form)).expect("it compiles");
    let host = Box::new(HostFrame::new(world(), context, &imports));
    let limits = &Schedule::current().limits;
    let budget = Budget { fuel: FUEL, rest: limits.stack_bytes as i32, pages: limits.live_pages };
    let call = Call { entry: "main", args: &[], budget, instance_charge: false, initialize: true };
    let (host, ended) = artefact.run(host, &call);
    let host = host.into_any().downcast::<HostFrame<Accounts>>().expect("the same host comes back");
    let (world, _, outcome) = host.into_parts();
    (ended.expect("the node is well"), world, outcome)
}

/// One call with arguments that succeed and one that trap, for each function.
fn cases() -> Vec<(Function, Vec<i64>)> {
    let fine = |function: Function| -> Vec<i64> {
        let name = function.name();
        let keys = ["_scalar", "_map1", "_map2", "_map3"].iter().position(|kind| name.ends_with(kind));
        match (function, keys) {
            (_, Some(keys)) => {
                let mut args = vec![1000 + 8 * keys as i64, 8];
                (0..keys).for_each(|key| args.extend([key as i64, 1]));
                if !name.starts_with("sdelete") {
                    args.extend([3000, 20]);
                }
                args
            }
            (Function::Sload, _) => vec![0, 3000, 64],
            (Function::CalldataCopy, _) => vec![3000, 2000],
            (Function::EmitEvent, _) => vec![0, 2, 1000, 16],
            (Function::HashBlake3 | Function::HashPoseidon2 | Function::HashKeccak256, _) => vec![1000, 33, 3000],
            (Function::CrossCall, _) => vec![0, 1000, 8, 1000, 32, 3000, -1, 4000, 2000],
            (Function::CrossCallStatic | Function::DelegateCall, _) => vec![0, 1000, 8, 1000, 32, 77, 4000, 2000],
            (Function::Return | Function::Revert, _) => vec![1000, 32],
            (Function::ConsumeGas, _) => vec![321],
            (_, None) => vec![3000; entry(name).params.len()],
        }
    };
    let all = Function::ALL.iter().copied();
    all.flat_map(|f| [(f, fine(f)), (f, vec![-1; entry(f.name()).params.len()])]).collect()
}

#[test]
fn contracts_see_every_function_alike_on_every_engine() {
    for (function, args) in cases() {
        let name = function.name();
        let declared = entry(name);
        let alternative = declared.results_alt.is_some();
        for wants_result in if alternative { vec![false, true] } else { vec![!declared.results.is_empty()] } {
            let result = wants_result.then(|| if declared.results == [ValueType::I64] { "i64" } else { "i32" });
            let wat = module(name, &args, result);
            // the operators before the call: the function's entry, its arguments, the address of its result, the call
            let cost = Schedule::current().function.entry + Schedule::current().operators.price("call");
            let before = u64::from(cost) + args.len() as u64 + u64::from(wants_result);
            for view in [false, true] {
                let mut bench = Bench::new(world(), frame_context(view));
                bench.guest.memory = memory();
                bench.guest.fuel = FUEL - before;
                let (expected, host_fuel) = bench.metered(name, &args);
                let mut shown = bench.guest.memory[..SHOWN as usize].to_vec();
                if let (Ok(value), Some(ty)) = (&expected, result) {
                    let width = if ty == "i64" { 8 } else { 4 };
                    shown[RESULT as usize..RESULT as usize + width].copy_from_slice(&value.to_le_bytes()[..width]);
                }
                let (world_expected, _, outcome_expected) = bench.end();
                for engine in ENGINES.names() {
                    let what = format!("{name}{args:?} view={view} result={result:?} on {engine}");
                    let (ended, world, outcome) = run(&ENGINES.get(engine).unwrap(), &wat, frame_context(view));
                    assert_eq!(
                        (&world.storage, &world.balances, &world.events),
                        (&world_expected.storage, &world_expected.balances, &world_expected.events),
                        "{what}"
                    );
                    assert_eq!(world.asked.len(), world_expected.asked.len(), "{what}");
                    match &expected {
                        Ok(_) => {
                            assert_eq!((ended.end, outcome), (End::Stopped, Outcome::Return(shown.clone())), "{what}");
                            assert_eq!(
                                ended.used,
                                before + host_fuel + u64::from(wants_result) + 2 + u64::from(Schedule::current().operators.price("call")),
                                "{what}"
                            );
                        }
                        Err(Exit::Stop) => {
                            assert_eq!((ended.end, &outcome, ended.used), (End::Stopped, &outcome_expected, before + host_fuel), "{what}")
                        }
                        Err(Exit::Trap(words)) => {
                            assert_eq!(
                                (ended.end, outcome, ended.used),
                                (End::Trapped(Trap::Host), Outcome::None, before + host_fuel),
                                "{what}"
                            );
                            assert_eq!(ended.detail.as_ref(), Some(words), "{what}");
                        }
                        other => panic!("{what}: {other:?} was not expected"),
                    }
                }
            }
        }
    }
}

/// What a nested call is given does not depend on the engine.
#[test]
fn nested_calls_are_asked_with_the_same_stack_pages_and_fuel_on_every_engine() {
    let wat = module("delegate_call", &[0, 1000, 8, 1000, 32, -1, 4000, 2000], Some("i32"));
    let asked: Vec<_> = ENGINES.names().iter().map(|name| run(&ENGINES.get(name).unwrap(), &wat, frame_context(false)).1.asked).collect();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1]);
    let call = &asked[0][0].0;
    let (stack, limits) = (&Schedule::current().stack, &Schedule::current().limits);
    // nine operands at the peak: eight arguments and the address of the result; with the call and the store, and two constants and a
    // call at the end, 14 operators
    assert_eq!(call.rest, limits.stack_bytes as i32 - 9 * 8 - 14 * stack.operator as i32 - stack.frame as i32);
    assert_eq!(call.pages, limits.live_pages - 1);
    assert_eq!(call.function, "nnnnnnn1");
}

/// Out of gas inside a host call uses the whole limit and leaves no effect.
#[test]
fn a_host_call_that_cannot_be_paid_ends_the_frame_out_of_gas() {
    let wat = module("consume_gas", &[i64::MAX], None);
    for name in ENGINES.names() {
        let (ended, _, outcome) = run(&ENGINES.get(name).unwrap(), &wat, frame_context(false));
        assert_eq!((ended.end, ended.used, outcome), (End::OutOfGas, FUEL, Outcome::None), "{name}");
    }
}
