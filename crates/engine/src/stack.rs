//! The stack that calls run on: mapped by us, one a thread, so that the thread's own size never matters.
//!
//! The logical stack of a transaction (`limits.stack_bytes`) decides what a guest may do. Every entry into guest code has [`GUEST`] bytes, [`RATIO`]
//! times the whole logical stack, below it before the engine's own limit ends it, and [`MARGIN`] more for host functions before the
//! mapping ends: [`enter`] and [`check`] see to that, and failing it, or reaching the engine's limit, is the node's fault and never
//! the guest's. Either way the process goes on. `tests/stack.rs` measures the worst ratios.

use corosensei::stack::{Stack, StackPointer};
use detent_protocol::{Code, Fault};
use std::cell::Cell;
use std::ptr;

/// Native bytes for each logical byte.
pub(crate) const RATIO: usize = 8;
/// Native bytes that guest code can use below each entry.
pub(crate) const GUEST: usize = RATIO * (4 << 20);
/// Native bytes kept below those for host functions and the engine itself.
const MARGIN: usize = 1 << 20;
/// Bytes of each mapped stack; only what is touched is resident. Outer entries may have used a whole share of guest code and 16 KiB of host
/// code for each of 1024 nested frames before an inner one is refused.
const SIZE: usize = 2 * GUEST + (16 << 20) + MARGIN;
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

/// Fails if guest code entered here could run into the end of the stack. Off our stacks nothing is known, and nothing refused.
#[inline]
pub(crate) fn check() -> Result<(), Fault> {
    let span = ACTIVE.get();
    let here = here();
    if here > span.low && here <= span.high && here - span.low < GUEST + MARGIN {
        return Err(Fault::new(Code::NodeFault, format!("{} bytes of call stack left, {} needed", here - span.low, GUEST + MARGIN)));
    }
    Ok(())
}

/// Runs `f` with room for guest code: here if this is already one of our stacks, else on one.
pub(crate) fn enter<R>(f: impl FnOnce() -> R) -> Result<R, Fault> {
    let span = ACTIVE.get();
    let here = here();
    if here > span.low && here <= span.high {
        check()?;
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
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(|| enter(|| deep(20_000)).unwrap()).unwrap();
        assert_eq!(thread.join().unwrap(), 10_000);
    }

    /// Enters again and again, a kilobyte deeper each time, until that is refused.
    fn nest(n: u32) -> (u32, Option<Fault>) {
        let frame = std::hint::black_box([n; 256]);
        match enter(|| nest(frame[9] + 1)) {
            Ok(ended) => ended,
            Err(fault) => (n, Some(fault)),
        }
    }

    #[test]
    fn nesting_stays_on_the_stack_until_too_little_is_left() {
        enter(|| {
            let low = ACTIVE.get().low;
            assert_eq!(enter(|| ACTIVE.get().low).unwrap(), low);
            check().unwrap();
        })
        .unwrap();
        let (_, fault) = enter(|| nest(0)).unwrap();
        assert_eq!(fault.unwrap().code, Code::NodeFault);
        check().expect("off our stacks nothing is known, and nothing is refused");
    }

    #[test]
    fn the_share_of_guest_code_covers_the_protocols_stack() {
        assert!(GUEST >= RATIO * detent_protocol::Schedule::current().limits.stack_bytes as usize);
    }

    #[test]
    fn a_panic_comes_through_and_leaves_the_thread_in_order() {
        let caught = std::panic::catch_unwind(|| enter(|| std::panic::panic_any("x")));
        assert!(caught.is_err());
        assert_eq!(ACTIVE.get().low, 0);
        assert_eq!(enter(|| 5).unwrap(), 5);
    }
}
