//! The compile shapes A1 to A18: at the cap each is admitted, one beyond it the gate refuses, by the limit that is meant and nothing
//! else. Modules are made here; sizes come from the schedule.

mod support;

use detent_gate::Limit;
use support::at_caps::cap;
use support::edge::{BLOCK, END, LOOP, edge, end, raw, refused};
use support::{Shape, leb, repeated, report, rules};
use wasm_encoder::{BlockType, ValType};

#[test]
fn a1_thousands_of_empty_loops() {
    let loops = |n: usize| raw(&[LOOP[0], LOOP[1], END].repeat(n));
    edge(Limit::BlocksPerFunction, |n| loops(n - 1)); // one is the function itself
    refused(Limit::BlocksPerFunction, &loops(20_000));
}

#[test]
fn a1_loops_spread_over_functions() {
    edge(Limit::BlocksTotal, |n| {
        let mut shape = Shape::new();
        let mut left = n - 1; // the entry
        while left > 0 {
            let here = left.min(cap(Limit::BlocksPerFunction));
            shape.raw(0, &[LOOP[0], LOOP[1], END].repeat(here - 1));
            left -= here;
        }
        shape.finish()
    });
}

#[test]
fn a2_deeply_nested_loops() {
    let nested = |n: usize| raw(&[LOOP.repeat(n), vec![END; n]].concat());
    edge(Limit::Nesting, nested);
    let report = report(&nested(20_000));
    assert_eq!(rules(&report), [Limit::Nesting.name(), Limit::BlocksPerFunction.name()]);
}

#[test]
fn a3_deeply_nested_ifs_on_a_live_local() {
    let nested = |n: usize| {
        let mut shape = Shape::new();
        shape.function(0, &[(1, ValType::I32)], |i| {
            for _ in 0..n {
                i.local_get(0).if_(BlockType::Empty);
            }
            for _ in 0..n {
                i.local_get(0).i32_const(1).i32_add().local_set(0).end();
            }
            i.end();
        });
        shape.finish()
    };
    edge(Limit::Nesting, nested);
    assert!(!report(&nested(10_000)).admitted());
}

#[test]
fn a4_chain_of_blocks_that_read_and_write_one_local() {
    let chain = |n: usize| {
        let mut shape = Shape::new();
        shape.function(0, &[(1, ValType::I32)], |i| {
            for _ in 0..n {
                i.block(BlockType::Empty).local_get(0).i32_const(1).i32_add().local_set(0).end();
            }
            i.end();
        });
        shape.finish()
    };
    edge(Limit::BlocksPerFunction, |n| chain(n - 1));
    // the measured one is also longer than a body may be
    assert_eq!(rules(&report(&chain(20_000))), [Limit::BodyBytes.name(), Limit::BlocksPerFunction.name()]);
}

/// `tables` tables of `targets` distinct targets each, defaults included.
fn br_tables(tables: usize, targets: usize) -> Vec<u8> {
    let mut operators = vec![];
    for _ in 0..tables {
        operators.extend(BLOCK.repeat(targets));
        operators.extend([0x41, 0, 0x0e]);
        operators.extend(leb(targets as u64 - 1));
        operators.extend((0..targets as u64).flat_map(leb));
        operators.extend(vec![END; targets]);
    }
    operators
}

#[test]
fn a5_many_wide_br_tables() {
    // 100 targets a table: within the nesting cap, so the sum is what counts
    let targets = 100;
    let tables = cap(Limit::BranchTargetsPerFunction) / targets;
    // each table's 100 blocks count too: one block above all of them instead
    let flat = |tables: usize, extra: usize| {
        let mut operators = BLOCK.repeat(targets);
        for t in 0..tables {
            let n = if t == 0 { targets + extra } else { targets };
            operators.extend(BLOCK);
            operators.extend([0x41, 0, 0x0e]);
            operators.extend(leb(n as u64 - 1));
            operators.extend((0..n as u64).flat_map(|i| leb(i % targets as u64)));
            operators.push(END);
        }
        operators.extend(vec![END; targets]);
        raw(&operators)
    };
    edge(Limit::BranchTargetsPerFunction, |n| flat(tables, n - cap(Limit::BranchTargetsPerFunction)));
    let measured = report(&raw(&br_tables(50, 500)));
    assert!(rules(&measured).contains(&Limit::BranchTargetsPerFunction.name()), "{measured}");
}

#[test]
fn a5_br_tables_spread_over_functions() {
    edge(Limit::BranchTargetsTotal, |n| {
        let mut shape = Shape::new();
        let mut left = n;
        while left > 0 {
            let here = left.min(cap(Limit::BranchTargetsPerFunction));
            let mut operators = vec![0x41, 0, 0x0e];
            operators.extend(leb(here as u64 - 1));
            operators.extend(vec![0; here]);
            shape.raw(0, &operators);
            left -= here;
        }
        shape.finish()
    });
}

#[test]
fn a6_one_dispatch_table_over_every_jump_destination() {
    let report = report(&raw(&br_tables(1, 24_576)));
    for limit in [Limit::Nesting, Limit::BlocksPerFunction, Limit::BranchTargetsPerFunction] {
        assert!(rules(&report).contains(&limit.name()), "{report}");
    }
}

#[test]
fn a7_one_huge_br_table_to_one_label() {
    let huge = |n: usize| {
        let mut operators = vec![0x41, 0, 0x0e];
        operators.extend(leb(n as u64 - 1));
        operators.extend(vec![0; n]);
        raw(&operators)
    };
    edge(Limit::BranchTargetsPerFunction, huge);
    let report = report(&huge(100_000));
    assert!(rules(&report).contains(&Limit::BranchTargetsPerFunction.name()), "{report}");
}

/// Functions of one type with so many parameters.
fn parameters(functions: usize, each: usize) -> Vec<u8> {
    let mut shape = Shape::new();
    shape.types.ty().function(vec![ValType::I64; each], []);
    for _ in 0..functions {
        shape.raw(1, &[]);
    }
    shape.finish()
}

#[test]
fn a8_parameters_of_one_function_and_of_all_functions() {
    edge(Limit::Parameters, |n| parameters(1, n));
    let each = 50;
    edge(Limit::ParametersTotal, |n| {
        let mut shape = Shape::new();
        shape.types.ty().function(vec![ValType::I64; each], []);
        shape.types.ty().function([ValType::I64], []);
        for _ in 0..n / each {
            shape.raw(1, &[]);
        }
        for _ in 0..n % each {
            shape.raw(2, &[]);
        }
        shape.finish()
    });
    // the advisory's shape, and one that the parser itself would not count
    let advisory = report(&parameters(1000, 1000));
    assert_eq!(rules(&advisory), [Limit::Parameters.name(), Limit::ParametersTotal.name()], "{advisory}");
    refused(Limit::Parameters, &parameters(1, 1001));
}

#[test]
fn a8_results() {
    let results = |n: usize| {
        let mut shape = Shape::new();
        shape.types.ty().function([], vec![ValType::I64; n]);
        shape.function(1, &[], |i| {
            for _ in 0..n {
                i.i64_const(0);
            }
            i.end();
        });
        shape.finish()
    };
    edge(Limit::Results, results);
    refused(Limit::Results, &results(1000));
    refused(Limit::Results, &results(1001));
}

/// Functions with a run of locals each: eight bytes whatever the number.
fn locals(functions: usize, each: u32) -> Vec<u8> {
    let mut shape = Shape::new();
    for _ in 0..functions {
        shape.function(0, &[(each, ValType::I64)], end);
    }
    shape.finish()
}

#[test]
fn a9_locals_by_run_length() {
    edge(Limit::Locals, |n| locals(1, n as u32));
    let each = cap(Limit::Locals);
    edge(Limit::LocalsTotal, |n| {
        let mut shape = Shape::new();
        for _ in 0..n / each {
            shape.function(0, &[(each as u32, ValType::I64)], end);
        }
        shape.function(0, &[((n % each) as u32, ValType::I64)], end);
        shape.finish()
    });
    let measured = report(&locals(200, 50_000));
    assert_eq!(rules(&measured), [Limit::Locals.name(), Limit::LocalsTotal.name()]);
    assert_eq!(measured.facts.shape.get(Limit::LocalsTotal), 10_000_000);
    // beyond 32 bits in two runs
    let mut shape = Shape::new();
    shape.function(0, &[(u32::MAX, ValType::I64), (u32::MAX, ValType::I32)], end);
    assert_eq!(rules(&report(&shape.finish())), [Limit::Locals.name(), Limit::LocalsTotal.name()]);
}

#[test]
fn a10_very_many_tiny_functions() {
    let tiny = |n: usize| {
        let mut shape = Shape::new();
        for _ in 0..n - 1 {
            shape.raw(0, &[]); // the entry is one more
        }
        shape.finish()
    };
    edge(Limit::Functions, tiny);
    let measured = report(&tiny(100_000));
    assert_eq!(rules(&measured), [Limit::Functions.name(), Limit::BlocksTotal.name()], "each is a block");
}

#[test]
fn a11_very_many_types() {
    let types = |n: usize| {
        let mut shape = Shape::new();
        for i in 1..n {
            // distinct: i in base 4, one parameter a digit
            let digits = (0..9).map(|d| [ValType::I32, ValType::I64, ValType::F32, ValType::F64][i >> (2 * d) & 3]);
            shape.types.ty().function(digits, []);
        }
        shape.finish()
    };
    edge(Limit::Types, types);
    refused(Limit::Types, &types(50_000));
}

#[test]
fn a12_call_flood() {
    let calls = |n: usize| raw(&[0x10, 0].repeat(n));
    edge(Limit::CallsPerFunction, calls);
    assert_eq!(rules(&report(&calls(200_000))), [Limit::BodyBytes.name(), Limit::CallsPerFunction.name()]);
}

/// A body of exactly so many bytes of one operator on one value.
fn chain(bytes: usize, constant: &[u8], operator: &[u8]) -> Vec<u8> {
    let head = 1 + constant.len() + 1 + 1; // locals, constant, drop, end
    let times = (bytes - head) / operator.len();
    let pad = bytes - head - times * operator.len();
    raw(&[vec![0x01; pad], constant.to_vec(), operator.repeat(times), vec![0x1a]].concat())
}

#[test]
fn a13_long_chain_of_one_expensive_operator() {
    edge(Limit::BodyBytes, |n| chain(n, &[0x44, 0, 0, 0, 0, 0, 0, 0, 0], &[0x9f])); // f64.sqrt
    edge(Limit::BodyBytes, |n| chain(n, &[0x42, 0], &[0x42, 3, 0x7f])); // i64.const, i64.div_s
    refused(Limit::BodyBytes, &chain(200_000, &[0x44, 0, 0, 0, 0, 0, 0, 0, 0], &[0x9f]));
}

#[test]
fn a14_chain_of_eqz() {
    edge(Limit::BodyBytes, |n| chain(n, &[0x41, 0], &[0x45]));
    refused(Limit::BodyBytes, &chain(200_000, &[0x41, 0], &[0x45]));
}

#[test]
fn a15_one_large_straight_line_body() {
    // local.get 0, local.get 0, i32.add, local.set 0: as many values as fit
    let line = |bytes: usize| {
        let mut shape = Shape::new();
        let unit = [0x20, 0, 0x20, 0, 0x6a, 0x21, 0];
        let times = (bytes - 4) / unit.len();
        let operators = [vec![0x01; bytes - 4 - times * unit.len()], unit.repeat(times)].concat();
        shape.functions.function(0);
        shape.code.raw(&[vec![1, 1, 0x7f], operators, vec![END]].concat());
        shape.finish()
    };
    edge(Limit::BodyBytes, line);
}

#[test]
fn a16_module_size_bounds_what_can_inflate() {
    let data = |n: usize| {
        let wasm = Shape::new().finish();
        let room = n - wasm.len() - 3; // id, three bytes of size
        let name = b"x";
        let content = [leb(name.len() as u64), name.to_vec(), vec![0; room - 3]].concat();
        [wasm, vec![0], leb(content.len() as u64), content].concat()
    };
    // custom sections are capped below the module's size, so the largest module is refused by them alone, and a larger one unread
    let largest = data(cap(Limit::ModuleBytes));
    assert_eq!(largest.len(), cap(Limit::ModuleBytes));
    assert_eq!(rules(&report(&largest)), [Limit::CustomBytes.name()]);
    let beyond = refused(Limit::ModuleBytes, &data(cap(Limit::ModuleBytes) + 1));
    assert_eq!(beyond.facts.customs, []);
    // and a module of exactly the greatest size that is code and data is admitted
    let full = |n: usize| {
        let body = vec![0x01; cap(Limit::BodyBytes) - 2];
        let mut shape = Shape::new();
        shape.pages = 16;
        let bodies = 12;
        for _ in 0..bodies {
            shape.raw(0, &body);
        }
        let fixed = bodies * (cap(Limit::BodyBytes) + 4) + 300;
        let room = n - fixed;
        shape.more.push((11, [vec![1, 0, 0x41, 0, END], leb(room as u64), vec![7; room]].concat()));
        shape.finish()
    };
    let probe = full(cap(Limit::ModuleBytes) - 200).len();
    let wasm = full(cap(Limit::ModuleBytes) - 200 + cap(Limit::ModuleBytes) - probe);
    assert_eq!(wasm.len(), cap(Limit::ModuleBytes));
    assert!(report(&wasm).admitted(), "{}", report(&wasm));
}

#[test]
fn a17_element_segment_of_expressions() {
    // ref.null func needs reference types; as expressions of ref.func likewise: refused for what it is
    let expressions = |n: usize| {
        let mut shape = Shape::new();
        let segment = [vec![1, 5, 0x70], repeated(n, &[0xd0, 0x70, END])].concat();
        shape.more.push((9, segment));
        shape.finish()
    };
    let few = report(&expressions(cap(Limit::ElementExpressions)));
    assert_eq!(rules(&few), ["feature"], "{few}");
    assert!(few.reasons[0].message.starts_with("reference-types"), "{few}");
    let beyond = report(&expressions(cap(Limit::ElementExpressions) + 1));
    assert_eq!(rules(&beyond), ["feature", Limit::ElementExpressions.name()], "{beyond}");
    let many = report(&expressions(500_000 / 3));
    assert!(rules(&many).contains(&Limit::ElementExpressions.name()), "{many}");
    assert!(rules(&many).contains(&Limit::ElementEntries.name()), "{many}");
}

#[test]
fn a17_element_segments_and_entries_of_function_indices() {
    let entries = |n: usize| {
        let mut shape = Shape::new();
        shape.more.push((9, [vec![1, 1, 0], repeated(n, &[0])].concat()));
        shape.finish()
    };
    edge(Limit::ElementEntries, entries);
    let segments = |n: usize| {
        let mut shape = Shape::new();
        shape.more.push((9, repeated(n, &[1, 0, 0])));
        shape.finish()
    };
    edge(Limit::ElementSegments, segments);
    refused(Limit::ElementSegments, &segments(150_000)); // more than the validator counts
}

#[test]
fn a18_deep_nesting_breaks_no_walker() {
    let nested = |n: usize| raw(&[BLOCK.repeat(n), vec![END; n]].concat());
    edge(Limit::Nesting, nested);
    let report = report(&nested(300_000));
    assert!(rules(&report).contains(&Limit::Nesting.name()), "{report}");
}
