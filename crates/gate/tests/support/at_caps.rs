//! The compile shapes of the adversarial list, each filled until the module stands at a cap: the dearest modules that the gate admits.

use super::{Shape, leb};
use detent_gate::Limit;
use detent_protocol::Schedule;
use wasm_encoder::{BlockType, InstructionSink, ValType};

/// A cap of the schedule in force.
pub fn cap(limit: Limit) -> usize {
    usize::try_from(limit.cap(Schedule::current())).expect("a cap fits")
}

const END: u8 = 0x0b;
const DROP: u8 = 0x1a;

/// (label and what it is, module)
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let blocks = cap(Limit::BlocksPerFunction);
    let functions = cap(Limit::BlocksTotal) / blocks;
    let nesting = cap(Limit::Nesting);
    let nests = cap(Limit::BlocksTotal) / (nesting + 1);
    vec![
        ("A1 empty loops", copies(functions - 1, &[0x03, 0x40, END].repeat(blocks - 1))),
        ("A2 nested loops", copies(nests - 1, &[[0x03, 0x40].repeat(nesting), vec![END; nesting]].concat())),
        ("A3 nested ifs on a local", nested_ifs(nests - 1, nesting)),
        ("A4 blocks on one local", block_chain(functions - 1, blocks - 1)),
        ("A5 wide br_tables", br_tables()),
        ("A8 parameters", parameters()),
        ("A9 locals", locals()),
        ("A10 tiny functions", copies(cap(Limit::Functions) - 1, &[])),
        ("A11 types", types()),
        ("A12 local calls", full(0, &[0x10, 0], cap(Limit::CallsPerFunction))),
        ("A12 host calls", full(1, &[0x10, 0, DROP], cap(Limit::CallsPerFunction))),
        ("A12 host calls, to the form's cap", full_share(1, &[0x10, 0, DROP], cap(Limit::CallsPerFunction), 72)),
        ("A13 f64.sqrt", full(0, &[0x9f], usize::MAX)),
        ("A13 f64.sqrt, NaN seen", full(0, &[0x9f, 0xbd, 0xbf], usize::MAX)),
        ("A13 the same, to the form's caps", full_share(0, &[0x9f, 0xbd, 0xbf], 19_200, 90)),
        ("A13 i64.div_s", full(0, &[0x42, 3, 0x7f], usize::MAX)),
        ("A14 i32.eqz", full(0, &[0x45], usize::MAX)),
        ("A15 loads", full(0, &[0x28, 2, 0], usize::MAX)),
    ]
}

/// Copies of one body.
fn copies(n: usize, operators: &[u8]) -> Vec<u8> {
    let mut shape = Shape::new();
    for _ in 0..n {
        shape.raw(0, operators);
    }
    shape.finish()
}

/// As many bodies as the module holds, each with at most `times` copies of an operator and no larger than a body may be.
fn full(imports: u32, operator: &[u8], times: usize) -> Vec<u8> {
    full_share(imports, operator, times, 100)
}

/// The same up to a share of the module's cap, in hundredths: for what grows beyond the caps of the form.
/// A value that suits the operator stands below it. With `imports` 1, function 0 is a host function of type `() -> i64`.
fn full_share(imports: u32, operator: &[u8], times: usize, share: usize) -> Vec<u8> {
    let mut shape = Shape::new();
    if imports > 0 {
        shape.types.ty().function([], [ValType::I64]);
        shape.import("pyde", "tx_gas_remaining", 1);
    } else {
        shape.raw(0, &[]);
    }
    let constant: &[u8] = match operator.first() {
        Some(0x9f) => &[0x44, 0, 0, 0, 0, 0, 0, 0, 0],
        Some(0x42) => &[0x42, 0],
        _ => &[0x41, 0],
    };
    let head = constant.len() + 3;
    let times = times.min((cap(Limit::BodyBytes) - head) / operator.len());
    let body = [constant, &operator.repeat(times), &[DROP]].concat();
    let room = (cap(Limit::ModuleBytes) - 1000) * share / 100;
    for _ in 0..room / (body.len() + 6) {
        shape.raw(0, &body);
    }
    shape.finish()
}

fn nested_ifs(functions: usize, depth: usize) -> Vec<u8> {
    let mut shape = Shape::new();
    for _ in 0..functions {
        shape.function(0, &[(1, ValType::I32)], |i: &mut InstructionSink<'_>| {
            for _ in 0..depth {
                i.local_get(0).if_(BlockType::Empty);
            }
            for _ in 0..depth {
                i.local_get(0).i32_const(1).i32_add().local_set(0).end();
            }
            i.end();
        });
    }
    shape.finish()
}

fn block_chain(functions: usize, blocks: usize) -> Vec<u8> {
    let mut shape = Shape::new();
    for _ in 0..functions {
        shape.function(0, &[(1, ValType::I32)], |i: &mut InstructionSink<'_>| {
            for _ in 0..blocks {
                i.block(BlockType::Empty).local_get(0).i32_const(1).i32_add().local_set(0).end();
            }
            i.end();
        });
    }
    shape.finish()
}

/// Tables over every block open at the time, as many as the caps allow in a function and in the module.
fn br_tables() -> Vec<u8> {
    let targets = cap(Limit::Nesting) - 1;
    let mut body = [0x02, 0x40].repeat(targets);
    for _ in 0..cap(Limit::BranchTargetsPerFunction) / targets {
        body.extend([0x02, 0x40, 0x41, 0, 0x0e]);
        body.extend(leb(targets as u64 - 1));
        body.extend((0..targets as u64).flat_map(leb));
        body.push(END);
    }
    body.extend(vec![END; targets]);
    copies(cap(Limit::BranchTargetsTotal) / cap(Limit::BranchTargetsPerFunction), &body)
}

/// Functions with the most parameters that call each other.
fn parameters() -> Vec<u8> {
    let each = cap(Limit::Parameters);
    let mut shape = Shape::new();
    shape.types.ty().function(vec![ValType::I64; each], []);
    let mut last = shape.raw(1, &[]);
    for _ in 1..cap(Limit::ParametersTotal) / each {
        let pass: Vec<u8> = (0..each as u8).flat_map(|i| [0x20, i]).chain([0x10]).chain(leb(u64::from(last))).collect();
        last = shape.raw(1, &pass);
    }
    shape.finish()
}

/// Functions with the most locals, each of them live over a call; as many as the module holds.
fn locals() -> Vec<u8> {
    let each = cap(Limit::Locals) as u32;
    let mut shape = Shape::new();
    shape.raw(0, &[]);
    let bytes = 15 * each; // of such a body
    for _ in 0..(cap(Limit::LocalsTotal) as u32 / each).min(cap(Limit::ModuleBytes) as u32 / bytes) {
        shape.function(0, &[(each, ValType::I64)], |i: &mut InstructionSink<'_>| {
            for l in 0..each {
                i.local_get((l + 1) % each).i64_const(3).i64_add().local_set(l);
            }
            i.call(0);
            for l in 0..each {
                i.local_get(l).i32_wrap_i64().i32_eqz().drop();
            }
            i.end();
        });
    }
    shape.finish()
}

/// The most types, each with a function that is exported.
fn types() -> Vec<u8> {
    let mut shape = Shape::new();
    for n in 1..cap(Limit::Types) {
        let digits = (0..5).map(|d| [ValType::I32, ValType::I64, ValType::F32, ValType::F64][n >> (2 * d) & 3]);
        shape.types.ty().function(digits, []);
        let f = shape.raw(n as u32, &[]);
        shape.exports.export(&format!("f{n}"), wasm_encoder::ExportKind::Func, f);
    }
    shape.finish()
}
