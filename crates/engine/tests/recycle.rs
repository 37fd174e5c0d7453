//! A call sees fresh memory and globals, however instances are recycled.

mod common;

use common::*;
use detent_engine::{Artefact, Budget, Call, Cpu, Cranelift, End, Engine, Exit, Instance, Reply, Settings, Trap};
use detent_gas::Form;
use proptest::prelude::*;
use std::sync::Arc;

const PAGES: u32 = 17;

/// Reads everything through the host, writes what it is told, and is otherwise empty.
fn text(pages: u32) -> String {
    format!(
        r#"(module (import "e" "look" (func $look)) (memory (export "memory") {pages}) $CELLS
            (data (i32.const 4090) "across two pages") (data (i32.const 0) "begin") (data (i32.const {}) "end!")
            (data $passive "passive")
            (global $a (export "detent:g0") (mut i32) (i32.const 11)) (global $b (export "detent:g1") (mut i64) (i64.const -12))
            (global $c (export "detent:g2") (mut f32) (f32.const nan:0x200001)) (global $d (export "detent:g3") (mut f64) (f64.const -0.0))
            (func (export "globals") (result i32 i64 f32 f64) global.get $a global.get $b global.get $c global.get $d)
            (func (export "look") (call $look))
            (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
            (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
            (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
            (func (export "init") (param i32) (memory.init $passive (local.get 0) (i32.const 0) (i32.const 7)))
            (func (export "set") (global.set $a (i32.const 1)) (global.set $b (i64.const 1)) (global.set $c (f32.const 1)) (global.set $d (f64.const 1)))
            (func (export "grow") (param i32) (result i32) (local $at i32) (global.set $flags (i32.const 1))
              (local.set $at (i32.shl (memory.grow (local.get 0)) (i32.const 16)))
              (i32.load (local.get $at)) (i32.store (local.get $at) (i32.const 77)) (i32.store (i32.const 40) (i32.const 77)))
            (func (export "beyond") (param i32) (drop (i32.load8_u (local.get 0))))
            (func (export "many") (param $step i32) (local $p i32)
              (loop $l (i32.store8 (local.get $p) (i32.const 255)) (local.set $p (i32.add (local.get $p) (local.get $step)))
                (br_if $l (i32.lt_u (local.get $p) (i32.const {})))))
            (func (export "spoil") (global.set $a (i32.const 2)) (i32.store (i32.const 5000) (i32.const -1)) unreachable))"#,
        pages * 65536 - 4,
        pages * 65536
    )
}

fn artefact(pages: u32, recycle: bool) -> Arc<dyn Artefact> {
    let engine = Cranelift::new(Settings { recycle, ..Settings::default() }).unwrap();
    engine.compile(form(Form::Side, &text(pages))).unwrap()
}

/// Everything that a call can see, by a hash.
fn state(artefact: &dyn Artefact) -> (blake3::Hash, End) {
    let (host, ended) = artefact.run(Box::new(Looker(None)), &call("look", &[]));
    assert_eq!(ended.unwrap().end, End::Returned(vec![]));
    let hash = host.into_any().downcast::<Looker>().ok().unwrap().0.unwrap();
    (hash, run(artefact, "globals", &[]).end)
}

struct Looker(Option<blake3::Hash>);

impl detent_engine::Host for Looker {
    fn call(&mut self, _: usize, _: &[u64], instance: &mut dyn Instance) -> Result<Reply, Exit> {
        self.0 = Some(blake3::hash(instance.memory()));
        Ok(Reply::Value(0))
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[test]
fn after_everything_was_dirtied_an_instance_is_like_new() {
    let (warm, new) = (artefact(PAGES, true), artefact(PAGES, false));
    let fresh = state(&*new);
    assert_eq!(state(&*warm), fresh);
    for step in [1u64, 4096, 8192, 65536, 12288, 4096 * 31] {
        assert_eq!(run(&*warm, "many", &[step]).end, End::Returned(vec![]));
        assert_eq!(state(&*warm), fresh, "step {step}");
    }
    for entry in ["set", "spoil"] {
        run(&*warm, entry, &[]);
        assert_eq!(state(&*warm), fresh, "{entry}");
    }
    assert_eq!(state(&*new), fresh);
}

#[test]
fn a_memory_that_grew_is_small_and_fresh_again() {
    let (warm, new) = (artefact(PAGES, true), artefact(PAGES, false));
    let fresh = state(&*new);
    let end = u64::from(PAGES) << 16;
    for pages in [1u64, 1, 30, 2, 1000, 1, 5] {
        assert_eq!(run(&*warm, "grow", &[pages]).end, End::Returned(vec![0]), "new pages are zero, {pages}");
        assert_eq!(state(&*warm), fresh, "after {pages}");
        for at in [end, end + 4096, end + (pages << 16) - 1] {
            assert_eq!(run(&*warm, "beyond", &[at]).end, End::Trapped(Trap::MemoryOutOfBounds), "byte {at} after {pages}");
        }
        assert_eq!(run(&*warm, "beyond", &[end - 1]).end, End::Returned(vec![]));
        assert_eq!(run(&*warm, "fill", &[end - 10, 0, 11]).end, End::Trapped(Trap::MemoryOutOfBounds), "bulk operators know the size too");
    }
}

#[test]
fn a_large_memory_is_restored_however_it_was_written() {
    // 64 MiB: more pages than the record holds
    let (warm, new) = (artefact(1024, true), artefact(1024, false));
    let fresh = state(&*new);
    for step in [1 << 20, 4096, 65536, 4096 * 3, 1 << 24] {
        run(&*warm, "many", &[step]);
        assert_eq!(state(&*warm), fresh, "step {step}");
    }
}

#[test]
fn what_a_host_writes_is_undone() {
    let (warm, new) = (artefact(PAGES, true), artefact(PAGES, false));
    let fresh = state(&*new);
    for round in 0..5usize {
        let writer = host(move |_, _, instance| {
            let memory = instance.memory();
            let len = memory.len();
            memory[round * 5000] = 1;
            memory[len - 1 - round] = 2;
            memory[100_000..200_000].fill(round as u8 + 1);
            Ok(Reply::Value(0))
        });
        assert_eq!(warm.run(writer, &call("look", &[])).1.unwrap().end, End::Returned(vec![]));
        assert_eq!(state(&*warm), fresh);
    }
}

#[test]
fn a_record_that_grew_large_is_forgotten_and_still_right() {
    let (warm, new) = (artefact(PAGES, true), artefact(PAGES, false));
    let fresh = state(&*new);
    run(&*warm, "many", &[8192]); // 136 pages
    for i in 0..1100u64 {
        run(&*warm, "store", &[i * 997 % (u64::from(PAGES) << 16), 7]);
    }
    assert_eq!(state(&*warm), fresh);
}

#[test]
fn instances_pass_between_threads() {
    let warm = artefact(PAGES, true);
    let fresh = state(&*artefact(PAGES, false));
    std::thread::scope(|scope| {
        for thread in 0..6u64 {
            let (warm, fresh) = (&warm, &fresh);
            scope.spawn(move || {
                for i in 0..60 {
                    run(&**warm, "store", &[(thread * 60 + i) * 2900, 1]);
                    run(&**warm, "fill", &[i * 17000, 3, 9000]);
                    assert_eq!(state(&**warm), *fresh);
                }
            });
        }
    });
}

#[test]
fn results_do_not_depend_on_the_cpu_setting() {
    let engine = Cranelift::new(Settings { cpu: Cpu::Baseline, ..Settings::default() }).unwrap();
    let host = Cranelift::new(Settings::default()).unwrap();
    let text = r#"(module $CELLS (func (export "run") (param f64 i64) (result f64 f64 f64 i64 i64 i64)
        (f64.ceil (local.get 0)) (f64.nearest (local.get 0)) (f64.trunc (local.get 0))
        (i64.popcnt (local.get 1)) (i64.clz (local.get 1)) (i64.ctz (local.get 1))))"#;
    let (a, b) = (engine.compile(form(Form::Side, text)).unwrap(), host.compile(form(Form::Side, text)).unwrap());
    for (x, y) in [(2.5f64, 0u64), (-0.3, 1), (1e300, u64::MAX), (-7.5, 0x00f0_0000_0000_0000)] {
        assert_eq!(run(&*a, "run", &[x.to_bits(), y]), run(&*b, "run", &[x.to_bits(), y]));
    }
    assert!(cfg!(not(target_arch = "x86_64")) || engine.fingerprint() != host.fingerprint(), "artefacts are keyed by CPU features");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_sequence_of_calls_leaves_nothing(
        ops in prop::collection::vec((0..7u8, 0..PAGES * 65536, any::<u8>(), 0..200_000u32), 1..40)
    ) {
        let (warm, new) = (artefact(PAGES, true), artefact(PAGES, false));
        let fresh = state(&*new);
        for (op, at, byte, len) in ops {
            let (at, byte, len) = (u64::from(at), u64::from(byte), u64::from(len));
            let (entry, args) = match op {
                0 => ("store", vec![at, byte]),
                1 => ("fill", vec![at, byte, len]),
                2 => ("copy", vec![at, len, len]),
                3 => ("init", vec![at]),
                4 => ("spoil", vec![]),
                5 => ("grow", vec![byte % 20]),
                _ => ("set", vec![]),
            };
            let budget = Budget { fuel: FUEL, ..budget() };
            let result = warm.run(no_host(), &Call { budget, ..call(entry, &args) }).1.unwrap();
            prop_assert_eq!(&result, &new.run(no_host(), &Call { budget, ..call(entry, &args) }).1.unwrap());
            prop_assert_eq!(&state(&*warm), &fresh);
        }
    }
}
