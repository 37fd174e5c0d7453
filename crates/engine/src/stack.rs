//! The stack that calls run on: mapped by us, one a thread, so that the thread's own size never matters.
//!
//! The logical stack of a transaction (`limits.stack_bytes`) decides what a guest may do. Native frames are larger than logical ones by
//! at most [`RATIO`] (`tests/stack.rs` measures the worst on each engine and keeps a factor of two), so a stack that has `RATIO` times
//! the logical rest, and [`MARGIN`] for host functions, cannot be the limit. [`enter`] checks that before each nested run; failing it is
//! the node's fault, never the guest's.

use corosensei::stack::{Stack, StackPointer};
use detent_protocol::{Code, Fault};
use std::cell::Cell;
use std::ptr;

/// Bytes of each mapped stack; only what is touched is resident.
pub(crate) const SIZE: usize = 64 << 20;
/// Native bytes assumed for each logical byte.
pub(crate) const RATIO: usize = 8;
/// Native bytes kept for host functions and the engine itself.
pub(crate) const MARGIN: usize = 1 << 20;
/// Inaccessible bytes below the stack.
const GUARD: usize = 64 << 10;

struct Mapped {
    low: *mut u8,
}

impl Mapped {
    fn new() -> Result<Mapped, Fault> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping, its lowest part then made inaccessible.
        unsafe {
            let low = libc::mmap(ptr::null_mut(), SIZE + GUARD, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            if low == libc::MAP_FAILED {
                return Err(Fault::new(Code::NodeFault, format!("no memory for a call stack: {}", std::io::Error::last_os_error())));
            }
            let mapped = Mapped { low: low.cast() };
            if libc::mprotect(low, GUARD, libc::PROT_NONE) != 0 {
                return Err(Fault::new(Code::NodeFault, format!("no guard for a call stack: {}", std::io::Error::last_os_error())));
            }
            Ok(mapped)
        }
    }

    fn span(&self) -> Span {
        Span { low: self.low as usize + GUARD, high: self.low as usize + GUARD + SIZE }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: our mapping; nobody runs on it any more (it is dropped only from the cache or after `on_stack` returned).
        unsafe { libc::munmap(self.low.cast(), SIZE + GUARD) };
    }
}

#[derive(Clone, Copy)]
struct Span {
    low: usize,
    high: usize,
}

// SAFETY: `base` is the high end and `limit` the low end, guard included, of a mapping that outlives the switch; both are page-aligned.
unsafe impl Stack for Span {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.high).unwrap_or(StackPointer::MIN)
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.low - GUARD).unwrap_or(StackPointer::MIN)
    }
}

thread_local! {
    /// The stack that this thread runs on now, if it is one of ours.
    static ACTIVE: Cell<Span> = const { Cell::new(Span { low: 0, high: 0 }) };
    /// A stack not in use.
    static SPARE: Cell<Option<Mapped>> = const { Cell::new(None) };
}

#[inline(always)]
fn here() -> usize {
    let mark = 0u8;
    std::hint::black_box(&raw const mark) as usize
}

/// Fails if the native stack could end before `rest` logical bytes do.
#[inline]
pub(crate) fn check(rest: i32) -> Result<(), Fault> {
    let span = ACTIVE.get();
    let here = here();
    let need = usize::try_from(rest).unwrap_or(0).saturating_mul(RATIO) + MARGIN;
    if here > span.low && here <= span.high && here - span.low < need {
        return Err(Fault::new(Code::NodeFault, format!("{} bytes of call stack left, {need} needed", here - span.low)));
    }
    Ok(())
}

/// Runs `f` with room for `rest` logical bytes: here if this is already one of our stacks, else on one.
pub(crate) fn enter<R>(rest: i32, f: impl FnOnce() -> R) -> Result<R, Fault> {
    let span = ACTIVE.get();
    let here = here();
    if here > span.low && here <= span.high {
        check(rest)?;
        return Ok(f());
    }
    /// Puts the thread's state back, also when `f` panics.
    struct Back(Span, Option<Mapped>);
    impl Drop for Back {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
            SPARE.set(self.1.take());
        }
    }
    let mapped = match SPARE.take() {
        Some(mapped) => mapped,
        None => Mapped::new()?,
    };
    let new = mapped.span();
    let _back = Back(span, Some(mapped));
    ACTIVE.set(new);
    Ok(corosensei::on_stack(new, f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(n: u32) -> u64 {
        let frame = std::hint::black_box([n; 256]);
        if n == 0 { 0 } else { deep(n - 1) + u64::from(frame[7] & 1) }
    }

    #[test]
    fn a_small_thread_has_a_deep_stack() {
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(|| enter(0, || deep(20_000)).unwrap()).unwrap();
        assert_eq!(thread.join().unwrap(), 10_000);
    }

    #[test]
    fn nesting_stays_on_the_stack_and_is_checked() {
        let outer = enter(4 << 20, || {
            let a = ACTIVE.get().low;
            let b = enter(4 << 20, || ACTIVE.get().low).unwrap();
            assert_eq!(a, b);
            let refused = enter(i32::MAX, || ()).unwrap_err();
            assert_eq!(refused.code, Code::NodeFault);
            check(4 << 20).unwrap();
            check(i32::MAX).unwrap_err();
        });
        outer.unwrap();
        check(i32::MAX).expect("off our stacks nothing is known, and nothing is refused");
    }

    #[test]
    fn a_panic_comes_through_and_leaves_the_thread_in_order() {
        let caught = std::panic::catch_unwind(|| enter(0, || std::panic::panic_any("x")));
        assert!(caught.is_err());
        assert_eq!(ACTIVE.get().low, 0);
        assert_eq!(enter(0, || 5).unwrap(), 5);
    }
}
