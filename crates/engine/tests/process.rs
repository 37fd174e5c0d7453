//! It lives well in a process: threads, fork, other people's signal handlers.

mod common;

use common::*;
use detent_engine::{Cranelift, End, Engine, Settings, Trap, Wasmi};
use detent_gas::Form;
use detent_protocol::Code;
use std::sync::Mutex;

/// Signal handlers and forks concern the whole process.
static ALONE: Mutex<()> = Mutex::new(());

const TEXT: &str = r#"(module (memory (export "memory") 1) $CELLS
    (func (export "run") (result i32) (i32.store (i32.const 9000) (i32.const 3)) (i32.load (i32.const 9000)))
    (func (export "trap") (drop (i32.load (i32.const -1)))))"#;

#[test]
fn a_forked_child_refuses_old_engines_and_makes_new_ones() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let engine = Cranelift::new(Settings::default()).unwrap();
    let artefact = engine.compile(form(Form::Side, TEXT)).unwrap();
    let interpreter = Wasmi::new(Settings::default());
    assert_eq!(run(&*artefact, "run", &[]).end, End::Returned(vec![3]));
    // SAFETY: the child only runs this crate's code and leaves at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = artefact.run(no_host(), &call("run", &[])).1.is_err_and(|f| f.code == Code::EngineForked)
            && engine.compile(form(Form::Side, TEXT)).is_err_and(|f| f.code == Code::EngineForked)
            && interpreter.compile(form(Form::Fine, TEXT)).is_err_and(|f| f.code == Code::EngineForked);
        let works = Cranelift::new(Settings::default()).and_then(|engine| engine.compile(form(Form::Side, TEXT))).is_ok_and(|artefact| {
            (0..3).all(|_| run(&*artefact, "run", &[]).end == End::Returned(vec![3]))
                && run(&*artefact, "trap", &[]).end == End::Trapped(Trap::MemoryOutOfBounds)
        });
        // SAFETY: leaves without running the parent's exit handlers.
        unsafe { libc::_exit(i32::from(!refused) + 2 * i32::from(!works)) };
    }
    let mut status = 0;
    // SAFETY: waits for our own child.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert!(libc::WIFEXITED(status), "the child died of signal {}", libc::WTERMSIG(status));
    assert_eq!(libc::WEXITSTATUS(status), 0, "1: an old engine ran; 2: a new one did not");
    assert_eq!(run(&*artefact, "run", &[]).end, End::Returned(vec![3]), "the parent goes on");
}

extern "C" fn nothing(_: libc::c_int) {}

#[test]
fn a_replaced_signal_handler_is_noticed_and_can_be_put_back() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let engine = Cranelift::new(Settings::default()).unwrap();
    let artefact = engine.compile(form(Form::Side, TEXT)).unwrap();
    for signal in [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE] {
        assert!(detent_engine::signals_intact());
        // SAFETY: a handler that does nothing; nothing faults until ours is back.
        unsafe { libc::signal(signal, nothing as *const () as libc::sighandler_t) };
        assert!(!detent_engine::signals_intact(), "signal {signal}");
        assert_eq!(detent_engine::signals_check().unwrap_err().code, Code::SignalsReplaced);
        detent_engine::signals_reinstall();
        detent_engine::signals_check().unwrap();
    }
    assert_eq!(run(&*artefact, "run", &[]).end, End::Returned(vec![3]));
    assert_eq!(run(&*artefact, "trap", &[]).end, End::Trapped(Trap::MemoryOutOfBounds));
}

#[test]
fn traps_on_many_threads_at_once_stay_apart() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let artefact = Cranelift::new(Settings::default()).unwrap().compile(form(Form::Side, TEXT)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    assert_eq!(run(&*artefact, "trap", &[]).end, End::Trapped(Trap::MemoryOutOfBounds));
                    assert_eq!(run(&*artefact, "run", &[]).end, End::Returned(vec![3]));
                }
            });
        }
    });
}

#[test]
fn an_artefact_may_be_dropped_while_it_runs() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let text = r#"(module (import "e" "h" (func $h)) (memory (export "memory") 1) $CELLS (func (export "run") (call $h)))"#;
    let engine = Cranelift::new(Settings::default()).unwrap();
    let artefact = engine.compile(form(Form::Side, text)).unwrap();
    let cache = detent_engine::Cache::new(0);
    let key = detent_engine::Key::new(&[1; 32], &engine);
    let held = cache.get_or_compile(&key, &engine, || Ok(artefact.module().clone())).unwrap();
    drop((artefact, engine));
    let cache = std::sync::Arc::new(cache);
    let inside = cache.clone();
    let host = host(move |_, _, _| {
        inside.clear();
        Ok(detent_engine::Reply::Value(0))
    });
    assert_eq!(held.run(host, &call("run", &[])).1.unwrap().end, End::Returned(vec![]));
    assert!(cache.is_empty());
}
