//! What a host function sees, and each way in which it can leave, on every engine.

mod common;

use common::*;
use detent_engine::{Budget, Call, End, Exit, Host, Reply, Trap};
use detent_protocol::{Code, Fault};
use std::sync::Arc;

fn text() -> String {
    format!(
        r#"(module (import "e" "h" (func $h (param i32 i64) (result i64))) (memory (export "memory") 1) $CELLS
            (func (export "run") (param i32) (result i64) {c} (global.set $rest (i32.const 777))
              (call $h (local.get 0) (i64.const -2)) {d})
            (func (export "peek") (result i32) (i32.load (i32.const 8)))
            (func (export "inner") (param i64) (result i64) {c} (i64.mul (local.get 0) (i64.const 2)))
            (func (export "inner_trap") {c} unreachable)
            (func (export "inner_deep") {c} (global.set $status (i32.const 1)) unreachable)
            (func (export "inner_call") (result i64) {c} (call $h (i32.const 99) (i64.const 0))))"#,
        c = charge(10),
        d = charge(100)
    )
}

fn frame<'a>(args: &'a [u64], fuel: u64) -> Call<'a> {
    Call { budget: Budget { fuel, ..budget() }, ..call("run", args) }
}

#[test]
fn a_host_function_sees_exact_gas_and_memory_and_charges() {
    for artefact in artefacts(&text()) {
        for _ in 0..3 {
            let host = host(|import, args, instance| {
                assert_eq!((import, args), (0, &[5, -2i64 as u64][..]));
                assert_eq!((instance.fuel(), instance.rest(), instance.pages()), (990, 777, 4095));
                assert_eq!(instance.memory().len(), 65536);
                assert_eq!(instance.memory()[8], 0);
                instance.memory()[8] = 42;
                instance.charge(90)?;
                assert_eq!(instance.fuel(), 900);
                instance.charge(0)?;
                instance.charge(50)?;
                Ok(Reply::Value(1 << 40))
            });
            let (_, ended) = artefact.run(host, &frame(&[5], 1000));
            let ended = ended.unwrap();
            assert_eq!((ended.end, ended.used), (End::Returned(vec![1 << 40]), 250));
            assert_eq!(run(&*artefact, "peek", &[]).end, End::Returned(vec![0]), "a later call sees fresh memory");
        }
    }
}

#[test]
fn a_charge_beyond_what_is_left_is_out_of_gas_even_if_the_host_goes_on() {
    for artefact in artefacts(&text()) {
        for go_on in [false, true] {
            for fuel in [991, u64::MAX] {
                let host = host(move |_, _, instance| match instance.charge(fuel) {
                    Err(Exit::OutOfGas) if go_on => {
                        assert_eq!(instance.fuel(), 0);
                        assert_eq!(instance.charge(0), Err(Exit::OutOfGas));
                        Ok(Reply::Value(0))
                    }
                    other => other.map(|()| Reply::Value(0)),
                });
                let ended = artefact.run(host, &frame(&[5], 1000)).1.unwrap();
                assert_eq!((ended.end, ended.used), (End::OutOfGas, 1000));
            }
        }
        // exactly all of it is not
        let ended = artefact.run(host(|_, _, i| i.charge(990).and(Err(Exit::Stop))), &frame(&[5], 1000)).1.unwrap();
        assert_eq!((ended.end, ended.used), (End::Stopped, 1000));
    }
}

#[test]
fn each_way_to_leave_ends_the_frame_and_gives_the_host_back() {
    struct Marked(Option<Exit>, u32);
    impl Host for Marked {
        fn call(&mut self, _: usize, _: &[u64], _: &mut dyn detent_engine::Instance) -> Result<Reply, Exit> {
            self.1 += 1;
            match self.0.take() {
                Some(exit) => Err(exit),
                None => panic!("on purpose"),
            }
        }
        fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
            self
        }
    }
    let fault = Fault::new(Code::NodeFault, "the disk is full");
    for artefact in artefacts(&text()) {
        let leave = |exit: Option<Exit>| {
            let (host, ended) = artefact.run(Box::new(Marked(exit, 7)), &frame(&[5], 1000));
            assert_eq!(host.into_any().downcast::<Marked>().ok().unwrap().1, 8);
            let again = artefact.run(host_returning(9), &frame(&[5], 1000)).1.unwrap();
            assert_eq!((again.end, again.used), (End::Returned(vec![9]), 110), "the next run is whole");
            ended
        };
        let ended = leave(Some(Exit::Stop)).unwrap();
        assert_eq!((ended.end, ended.used, ended.detail), (End::Stopped, 10, None));
        let ended = leave(Some(Exit::Trap("bad pointer".into()))).unwrap();
        assert_eq!((ended.end, ended.used, ended.detail.as_deref()), (End::Trapped(Trap::Host), 10, Some("bad pointer")));
        let ended = leave(Some(Exit::OutOfGas)).unwrap();
        assert_eq!((ended.end, ended.used), (End::OutOfGas, 1000));
        assert_eq!(leave(Some(Exit::Node(fault.clone()))).unwrap_err(), fault);
        let fault = leave(None).unwrap_err();
        assert_eq!(fault.code, Code::NodeFault);
        assert!(fault.detail.contains("on purpose"), "{fault}");
    }
}

fn host_returning(value: u64) -> Box<dyn Host> {
    host(move |_, _, _| Ok(Reply::Value(value)))
}

fn calling_back(
    entry: &'static str,
    args: &'static [u64],
    then: impl FnMut(End, &mut dyn detent_engine::Instance) -> Result<Reply, Exit> + Send + 'static,
) -> Box<dyn Host> {
    Box::new(Closures {
        call: Box::new(move |_, given, _| match given[0] {
            99 => Err(Exit::Stop),
            98 => Err(Exit::Trap("inside".into())),
            _ => Ok(Reply::CallBack { entry: entry.into(), args: args.to_vec() }),
        }),
        resume: Some(Box::new(then)),
    })
}

#[test]
fn a_callback_runs_on_the_same_gas_and_less_stack() {
    for artefact in artefacts(&text()) {
        let host = calling_back("inner", &[21], |end, instance| {
            assert_eq!(end, End::Returned(vec![42]));
            assert_eq!(instance.fuel(), 980);
            assert_eq!(instance.rest(), 777, "the caller's rest is back");
            instance.charge(3)?;
            Ok(Reply::Value(1))
        });
        let ended = artefact.run(host, &frame(&[5], 1000)).1.unwrap();
        assert_eq!((ended.end, ended.used), (End::Returned(vec![1]), 123));
    }
}

#[test]
fn what_ends_inside_a_callback_is_handed_to_the_host() {
    for artefact in artefacts(&text()) {
        let ends = |entry: &'static str, fuel: u64| {
            let seen = Arc::new(std::sync::Mutex::new(None));
            let keep = seen.clone();
            let host = calling_back(entry, &[], move |end, _| {
                *keep.lock().unwrap() = Some(end);
                Ok(Reply::Value(3))
            });
            let result = artefact.run(host, &frame(&[5], fuel)).1;
            let seen = seen.lock().unwrap().take();
            (seen, result.map(|ended| (ended.end, ended.used)))
        };
        assert_eq!(ends("inner_trap", 1000), (Some(End::Trapped(Trap::Unreachable)), Ok((End::Returned(vec![3]), 120))));
        assert_eq!(ends("inner_deep", 1000), (Some(End::StackOverflow), Ok((End::Returned(vec![3]), 120))));
        // out of gas ends the outer entries as well, and so does `return`: nobody is asked
        assert_eq!(ends("inner_trap", 19), (None, Ok((End::OutOfGas, 19))));
        assert_eq!(ends("inner_call", 1000), (None, Ok((End::Stopped, 20))));
        let (seen, result) = ends("missing", 1000);
        assert_eq!((seen, result.unwrap_err().code), (None, Code::EntryUnknown));
    }
}

#[test]
fn callbacks_nest_until_the_logical_stack_ends() {
    let text = format!(
        r#"(module (import "e" "h" (func $h (param i32) (result i32))) $CELLS
            (func (export "run") (param i32) (result i32) (local $r i32) {}
              (local.set $r (i32.sub (global.get $rest) (i32.const 64)))
              (if (i32.lt_s (local.get $r) (i32.const 0)) (then (global.set $status (i32.const 1)) unreachable))
              (global.set $rest (local.get $r))
              (call $h (local.get 0))))"#,
        charge(1)
    );
    for artefact in artefacts(&text) {
        let host = Box::new(Closures {
            call: Box::new(|_, args, _| Ok(Reply::CallBack { entry: "run".into(), args: vec![args[0] + 1] })),
            resume: Some(Box::new(|end, _| match end {
                End::Returned(values) => Ok(Reply::Value(values[0] + 1)),
                End::StackOverflow => Ok(Reply::Value(0)),
                other => panic!("{other:?}"),
            })),
        });
        let ended = artefact.run(host, &call("run", &[0])).1.unwrap();
        // each level takes 64 in the function and 512 for the callback
        let levels = (4 << 20) / (64 + 512) + 1;
        assert_eq!((ended.end, ended.used), (End::Returned(vec![levels - 1]), levels));
    }
}

#[test]
fn nested_runs_of_one_artefact_have_instances_of_their_own() {
    let text = format!(
        r#"(module (import "e" "h" (func $h (param i32) (result i32))) (memory (export "memory") 1) $CELLS
            (func (export "run") (param i32) (result i32) {}
              (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (local.get 0)))
              (drop (call $h (local.get 0)))
              (i32.load (i32.const 16))))"#,
        charge(1)
    );
    struct Nest(Arc<dyn detent_engine::Artefact>);
    impl Host for Nest {
        fn call(&mut self, _: usize, args: &[u64], instance: &mut dyn detent_engine::Instance) -> Result<Reply, Exit> {
            if args[0] > 1 {
                let next = [args[0] - 1];
                let budget = Budget { fuel: instance.fuel(), rest: 1 << 20, pages: 100 };
                let (_, ended) = self.0.run(Box::new(Nest(self.0.clone())), &Call { budget, ..call("run", &next) });
                let ended = ended.map_err(Exit::Node)?;
                assert_eq!(ended.end, End::Returned(vec![next[0]]));
                instance.charge(ended.used)?;
            }
            Ok(Reply::Value(0))
        }
        fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
            self
        }
    }
    for artefact in artefacts(&text) {
        for _ in 0..3 {
            let ended = artefact.run(Box::new(Nest(artefact.clone())), &call("run", &[50])).1.unwrap();
            assert_eq!((ended.end, ended.used), (End::Returned(vec![50]), 50));
        }
    }
}
