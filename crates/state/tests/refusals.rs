//! Refusals have their codes: a proof that proves something else, a state of another process.

use detent_protocol::Code;
use detent_state::{Batch, Key, Overlay, State};

fn one_value() -> (State, Key, [u8; 32]) {
    let mut state = State::memory();
    let key = Key::storage(&[1; 32], &[2; 32]);
    let mut block = Overlay::new(&state);
    block.set(&key, b"value").expect("memory");
    let prepared = state.prepare(block.drain_sorted()).expect("memory");
    let root = state.commit_prepared(0, prepared, Batch::new()).expect("memory");
    (state, key, root)
}

#[test]
fn a_proof_of_something_else_is_invalid() {
    let (state, key, root) = one_value();
    let proof = state.prove(&key).expect("proof");
    proof.verify(&root, key.as_bytes(), Some(b"value")).expect("proves it");
    for (root, value) in [(root, Some(&b"other"[..])), (root, None), ([9; 32], Some(&b"value"[..]))] {
        assert_eq!(proof.verify(&root, key.as_bytes(), value).expect_err("proves something else").code, Code::ProofInvalid);
    }
}

#[cfg(unix)]
#[test]
fn a_forked_child_may_not_write() {
    let (mut state, _, _) = one_value();
    // SAFETY: the child only looks at memory, commits nothing, and leaves with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = state.prepare(Vec::new()).and_then(|prepared| state.commit_prepared(1, prepared, Batch::new()));
        let right = refused.is_err_and(|fault| fault.code == Code::StoreForked);
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let mut status = 0;
    // SAFETY: waits for our own child.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0, "the child wrote, or failed with another code");
    let prepared = state.prepare(Vec::new()).expect("the parent goes on");
    state.commit_prepared(1, prepared, Batch::new()).expect("the parent goes on");
}
