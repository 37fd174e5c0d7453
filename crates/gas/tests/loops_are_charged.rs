//! No cycle is free: on the control flow of the *rewritten* code, each way around a loop lowers the count and passes a test of it.

mod support;

use detent_gas::{Deterministic, Form};
use proptest::prelude::*;
use support::*;
use wasmparser::{Operator, Parser, Payload};

/// Upper bounds of the local and of the gas cell, relative to the local at the head of the loop in question; `None` is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    local: Option<i64>,
    cell: Option<i64>,
}

fn worst(a: Bounds, b: Bounds) -> Bounds {
    let max = |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| a.max(b));
    Bounds { local: max(a.local, b.local), cell: max(a.cell, b.cell) }
}

/// What an operator sequence at a place does to the count, and how many operators it has.
enum Does {
    /// local = cell
    Load,
    /// cell = local + k
    Store(i64),
    /// local = cell = cell + k
    Pass(i64),
    /// local = local + k
    Add(i64),
    /// Ends the run if the count is negative.
    Test,
    Other,
}

fn reads(ops: &[Operator<'_>], gas: u32, count: u32) -> (Does, usize) {
    use Operator::*;
    let is_gas = |i: &u32| *i == gas;
    let is_count = |i: &u32| *i == count;
    match ops {
        [LocalGet { local_index: a }, I64Const { .. }, I64LtS, If { .. }, rest @ ..] if is_count(a) => {
            let end = rest.iter().position(|o| matches!(o, End)).unwrap();
            assert!(matches!(rest[end - 1], Unreachable), "a test that does not trap");
            (Does::Test, 4 + end + 1)
        }
        [GlobalGet { global_index: g }, LocalSet { local_index: l }, ..] if is_gas(g) && is_count(l) => (Does::Load, 2),
        [GlobalGet { global_index: g }, I64Const { value }, I64Add, LocalTee { local_index: l }, GlobalSet { global_index: h }, ..]
            if is_gas(g) && is_gas(h) && is_count(l) =>
        {
            (Does::Pass(*value), 5)
        }
        [LocalGet { local_index: l }, GlobalSet { global_index: g }, ..] if is_gas(g) && is_count(l) => (Does::Store(0), 2),
        [LocalGet { local_index: l }, I64Const { value }, I64Add, GlobalSet { global_index: g }, ..] if is_gas(g) && is_count(l) => {
            (Does::Store(*value), 4)
        }
        [LocalGet { local_index: l }, I64Const { value }, I64Add, LocalSet { local_index: m }, ..] if is_count(l) && is_count(m) => {
            (Does::Add(*value), 4)
        }
        [GlobalGet { global_index: g } | GlobalSet { global_index: g }, ..] if is_gas(g) => panic!("the cell in another way: {ops:?}"),
        _ => (Does::Other, 1),
    }
}

/// Walks from the loop at `head`; says whether every way back lowers the local, and whether each begins with a test.
fn loop_is_charged(ops: &[Operator<'_>], head: usize, gas: u32, count: u32) -> Result<(), String> {
    struct Open {
        is_loop: bool,
        has_else: bool,
        at_if: Option<Bounds>,
        label: Option<Bounds>,
    }
    let mut open = vec![Open { is_loop: true, has_else: false, at_if: None, label: None }];
    let mut now = Some(Bounds { local: Some(0), cell: None });
    let mut tested = false;
    let mut i = head + 1;
    while i < ops.len() && !open.is_empty() {
        let (does, length) = reads(&ops[i..], gas, count);
        if let Some(b) = &mut now {
            match does {
                Does::Load => b.local = b.cell,
                Does::Store(k) => b.cell = b.local.map(|l| l + k),
                Does::Pass(k) => {
                    b.cell = b.cell.map(|c| c + k);
                    b.local = b.cell;
                }
                Does::Add(k) => b.local = b.local.map(|l| l + k),
                // At the head, before anything else that branches.
                Does::Test => tested |= open.len() == 1,
                Does::Other => {}
            }
        }
        if !matches!(does, Does::Other) {
            i += length;
            continue;
        }
        let mut branch = |depth: u32, now: Option<Bounds>| -> Result<(), String> {
            let (Some(at), Some(now)) = ((open.len() - 1).checked_sub(depth as usize), now) else { return Ok(()) };
            if at == 0 {
                if !tested {
                    return Err("a way back before a test".into());
                }
                if now.local.is_none_or(|l| l >= 0) {
                    return Err(format!("a way back with the local at {:?}", now.local));
                }
            } else if !open[at].is_loop {
                open[at].label = Some(open[at].label.map_or(now, |l| worst(l, now)));
            }
            Ok(())
        };
        match &ops[i] {
            Operator::Br { relative_depth } => {
                branch(*relative_depth, now)?;
                now = None;
            }
            Operator::BrIf { relative_depth } => branch(*relative_depth, now)?,
            Operator::BrTable { targets } => {
                for depth in targets.targets().map(Result::unwrap).chain([targets.default()]) {
                    branch(depth, now)?;
                }
                now = None;
            }
            Operator::Return | Operator::Unreachable => now = None,
            Operator::Block { .. } => open.push(Open { is_loop: false, has_else: false, at_if: None, label: None }),
            Operator::If { .. } => open.push(Open { is_loop: false, has_else: false, at_if: now, label: None }),
            // Nothing comes back to an empty one.
            Operator::Loop { .. } if matches!(ops.get(i + 1), Some(Operator::End)) => i += 1,
            Operator::Loop { .. } => {
                // Its own ways back only lower the local; the cell may be anything they left.
                now = now.map(|b| Bounds { cell: None, ..b });
                open.push(Open { is_loop: true, has_else: false, at_if: None, label: None });
            }
            Operator::Else => {
                let last = open.last_mut().unwrap();
                if let Some(b) = now {
                    last.label = Some(last.label.map_or(b, |l| worst(l, b)));
                }
                last.has_else = true;
                now = last.at_if;
            }
            Operator::End => {
                let closed = open.pop().unwrap();
                let skipped = closed.at_if.filter(|_| !closed.has_else);
                now = [now, closed.label, skipped].into_iter().flatten().reduce(worst);
            }
            _ => {}
        }
        i += length;
    }
    Ok(())
}

/// The first call that some path reaches without a test of the count in this activation.
fn call_before_a_test(ops: &[Operator<'_>], gas: u32, count: u32, calls: impl Fn(&Operator<'_>) -> bool) -> Option<usize> {
    // Of each open construct: what paths to its end have in common, and for an `if` what held at it.
    let mut open: Vec<(bool, Option<bool>, Option<bool>)> = vec![(false, None, None)];
    let mut tested = Some(false);
    let and = |a: Option<bool>, b: Option<bool>| a.zip(b).map(|(a, b)| a && b).or(a).or(b);
    let mut i = 0;
    while i < ops.len() {
        let (does, length) = reads(&ops[i..], gas, count);
        if matches!(does, Does::Test) {
            tested = tested.map(|_| true);
        }
        if !matches!(does, Does::Other) {
            i += length;
            continue;
        }
        if calls(&ops[i]) && tested == Some(false) {
            return Some(i);
        }
        let mut branch = |depth: u32, now: Option<bool>| {
            let place = open.len() - 1 - depth as usize;
            open[place].1 = and(open[place].1, now);
        };
        match &ops[i] {
            Operator::Br { relative_depth } => {
                branch(*relative_depth, tested);
                tested = None;
            }
            Operator::BrIf { relative_depth } => branch(*relative_depth, tested),
            Operator::BrTable { targets } => {
                targets.targets().map(Result::unwrap).chain([targets.default()]).for_each(|d| branch(d, tested));
                tested = None;
            }
            Operator::Return | Operator::Unreachable => tested = None,
            // Ways back to a loop come after what its head saw.
            Operator::Loop { .. } => open.push((true, None, None)),
            Operator::Block { .. } => open.push((false, None, None)),
            Operator::If { .. } => open.push((false, None, tested)),
            Operator::Else => {
                let last = open.last_mut().unwrap();
                last.1 = and(last.1, tested);
                tested = last.2.take();
            }
            Operator::End => {
                let (is_loop, label, skipped) = open.pop().unwrap();
                tested = if is_loop { tested } else { and(and(tested, label), skipped) };
            }
            _ => {}
        }
        i += length;
    }
    None
}

fn check(form: &Deterministic) -> Result<usize, String> {
    let gas = exported_gas(form);
    let imported = form.facts.imports.len();
    let mut loops = 0;
    let mut place = 0;
    let mut types = Vec::new();
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(&form.wasm) {
        match payload.unwrap() {
            Payload::TypeSection(s) => types = s.into_iter_err_on_gc_types().map(|t| t.unwrap().params().len() as u32).collect(),
            Payload::FunctionSection(s) => functions = s.into_iter().map(Result::unwrap).collect(),
            Payload::CodeSectionEntry(body) => {
                let original = form.facts.origin[imported + place].is_some();
                let parameters: u32 = types[functions[place] as usize];
                place += 1;
                if !original {
                    continue;
                }
                let groups: Vec<u32> = body.get_locals_reader().unwrap().into_iter().map(|l| l.unwrap().0).collect();
                let locals = parameters + groups.iter().sum::<u32>();
                let ops: Vec<_> = body.get_operators_reader().unwrap().into_iter().map(Result::unwrap).collect();
                // The local of the count is the one that is tested or loaded.
                let count = ops.windows(2).find_map(|w| match (&w[0], &w[1]) {
                    (Operator::GlobalGet { global_index }, Operator::LocalSet { local_index }) if *global_index == gas => {
                        Some(*local_index)
                    }
                    (Operator::LocalTee { local_index }, Operator::GlobalSet { global_index }) if *global_index == gas => {
                        Some(*local_index)
                    }
                    _ => None,
                });
                let count = count.unwrap_or(locals);
                for (i, _) in ops.iter().enumerate().filter(|(_, o)| matches!(o, Operator::Loop { .. })) {
                    loops += 1;
                    loop_is_charged(&ops, i, gas, count).map_err(|e| format!("function {place}, operator {i}: {e}"))?;
                }
                let calls = |o: &Operator<'_>| match o {
                    Operator::Call { function_index } => form.facts.origin[*function_index as usize].is_some(),
                    o => matches!(o, Operator::CallIndirect { .. }),
                };
                if let Some(call) = call_before_a_test(&ops, gas, count, calls) {
                    return Err(format!("function {place} calls at operator {call} and may not have tested"));
                }
            }
            _ => {}
        }
    }
    Ok(loops)
}

fn exported_gas(form: &Deterministic) -> u32 {
    let exports = Parser::new(0).parse_all(&form.wasm).find_map(|p| match p.unwrap() {
        Payload::ExportSection(s) => Some(s),
        _ => None,
    });
    exports.unwrap().into_iter().map(Result::unwrap).find(|e| e.name == "detent:gas").unwrap().index
}

#[test]
fn cycles_of_known_shapes_are_charged() {
    for body in [
        "loop $a loop $b loop $c br $b end end end",
        "loop $a loop $b loop $c local.get 0 br_table $a $b $c $a end end end",
        "loop $a local.get 0 if br $a else call $f br $a end end",
        "loop $a (block $x local.get 0 br_if $x call $f) local.get 0 br_if $a end",
        "loop $a loop $b local.get 0 br_if $b end call $f loop $c local.get 0 br_if $a local.get 0 br_if $c end end",
        "(block $out loop $a local.get 0 br_table $out $a $out end) loop br 0 end",
    ] {
        let text = format!("(module (import \"t\" \"log\" (func $log)) (func $f call $log) (func (export \"f\") (param i32) {body}))");
        assert_eq!(check(&form(&text, Form::Side)).map(|n| n > 0), Ok(true), "{body}");
    }
}

#[test]
fn the_checker_finds_a_free_cycle() {
    let text = "(module (func (export \"f\") (param i32) loop local.get 0 br_if 0 end))";
    let wasm = wat::parse_str(text).unwrap();
    let unmetered = detent_gas::Options { metering: false, ..options(Form::Side) };
    assert!(check(&rewritten(&wasm, &unmetered, detent_protocol::Schedule::current())).is_err());
}

/// Random nests of constructs and branches; `$x` is an i32 local that decides nothing.
fn nests() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("nop".to_string()),
        Just("i32.const 1 drop".to_string()),
        Just("call $leaf".to_string()),
        Just("call $host".to_string()),
        Just("i32.const 0 i32.load drop".to_string()),
        (0u32..8).prop_map(|d| format!("(br_if {d} (local.get $x))")),
        (0u32..8).prop_map(|d| format!("br {d}")),
        prop::collection::vec(0u32..8, 1..4)
            .prop_map(|d| format!("(br_table {} (local.get $x))", d.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))),
        Just("return".to_string()),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let body = prop::collection::vec(inner, 0..4).prop_map(|v| v.join("\n"));
        prop_oneof![
            body.clone().prop_map(|b| format!("loop {b} end")),
            body.clone().prop_map(|b| format!("loop {b} end")),
            body.clone().prop_map(|b| format!("block {b} end")),
            body.clone().prop_map(|b| format!("(if (local.get $x) (then {b}))")),
            (body.clone(), body).prop_map(|(a, b)| format!("(if (local.get $x) (then {a}) (else {b}))")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_cycle_of_random_nests_is_charged(body in nests()) {
        let shell = (0..8).fold(body, |b, _| format!("block {b} end"));
        let text = format!("(module (import \"t\" \"log\" (func $log)) (memory 1) (func $leaf) (func $host call $log)
            (func (export \"f\") (param $x i32) {shell}))");
        let checked = check(&form(&text, Form::Side));
        prop_assert!(checked.is_ok(), "{checked:?}\n{text}");
    }
}
