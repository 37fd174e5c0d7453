//! The CPU-time guard: a run that takes more than 50 times what it paid for is the node's trouble.
//!
//! Metering already bounds every loop, so nothing here has to interrupt guest code (epoch checks, measured on a tiny loop: 0.53 ns an iteration instead
//! of 0.26). A thread announces its outermost run in a slot of its own: three stores. One monitor thread looks at the slots ten times a
//! second, reads the CPU clock of threads that are still in the same run, and marks runs that are over their bound, once, with a line on
//! standard error. The mark is read at each host charge and when the run returns: the run then ends as a node fault, and no receipt is
//! written. The clock is the thread's CPU time, so a busy or suspended machine marks nothing.

use crate::fork::Process;
use detent_protocol::{Code, Fault};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use Ordering::{Acquire, Relaxed, Release};

/// The bound, in multiples of the priced time.
const FACTOR: u64 = 50;
/// No run is marked before this much CPU time, for the clocks are read seldom. Nanoseconds.
const LEAST: u64 = 1_000_000_000;
const PERIOD: Duration = Duration::from_millis(100);

/// A thread's announcements. Slots are never freed, only taken over by later threads, so the monitor needs no lock.
struct Slot {
    next: *const Slot,
    taken: AtomicBool,
    /// The owner's CPU clock.
    clock: AtomicI32,
    /// Number of the outermost run; odd while it runs.
    run: AtomicU64,
    /// Its allowed CPU time, nanoseconds.
    bound: AtomicU64,
    /// The run that was marked.
    marked: AtomicU64,
}

// SAFETY: `next` is written before the slot is published and never again; the rest is atomic.
unsafe impl Sync for Slot {}

static SLOTS: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
static OVERDUE: AtomicU64 = AtomicU64::new(0);

/// Runs marked since the process began.
pub fn overdue() -> u64 {
    OVERDUE.load(Relaxed)
}

fn slots() -> impl Iterator<Item = &'static Slot> {
    // SAFETY: published slots are valid for ever.
    let mut next = unsafe { SLOTS.load(Acquire).as_ref() };
    std::iter::from_fn(move || {
        let slot = next?;
        // SAFETY: as above.
        next = unsafe { slot.next.as_ref() };
        Some(slot)
    })
}

fn claim() -> &'static Slot {
    let mut clock = libc::CLOCK_MONOTONIC;
    // SAFETY: asks for the calling thread's clock, into our own variable.
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) };
    let free = slots().find(|s| s.taken.compare_exchange(false, true, Acquire, Relaxed).is_ok());
    let slot = free.unwrap_or_else(|| {
        let slot = Box::leak(Box::new(Slot {
            next: ptr::null(),
            taken: AtomicBool::new(true),
            clock: AtomicI32::new(clock),
            run: AtomicU64::new(0),
            bound: AtomicU64::new(0),
            marked: AtomicU64::new(0),
        }));
        let place: *mut Slot = slot;
        let mut head = SLOTS.load(Acquire);
        loop {
            slot.next = head;
            match SLOTS.compare_exchange(head, place, Release, Acquire) {
                Ok(_) => return slot,
                Err(now) => head = now,
            }
        }
    });
    slot.clock.store(clock, Relaxed);
    slot
}

/// A thread's slot, given back when the thread ends; claimed again in a forked child, whose clocks are others.
struct Mine(Cell<Option<(Process, &'static Slot)>>);

impl Drop for Mine {
    fn drop(&mut self) {
        if let Some((_, slot)) = self.0.get() {
            slot.run.fetch_add(slot.run.load(Relaxed) & 1, Relaxed);
            slot.taken.store(false, Release);
        }
    }
}

thread_local! {
    static MINE: Mine = const { Mine(Cell::new(None)) };
}

/// An announced run. Dropping it ends the announcement.
pub(crate) struct Run(Option<&'static Slot>);

impl Run {
    /// Announces a run of at most `fuel`, unless the thread is already in one.
    #[inline]
    pub(crate) fn begin(process: Process, fuel: u64, ns_per_fuel: u64) -> Run {
        let slot = MINE.with(|mine| match mine.0.get() {
            Some((owner, slot)) if owner == process => slot,
            _ => {
                let slot = claim();
                mine.0.set(Some((process, slot)));
                slot
            }
        });
        let run = slot.run.load(Relaxed);
        if run & 1 == 1 {
            return Run(None);
        }
        slot.bound.store(fuel.saturating_mul(ns_per_fuel).saturating_mul(FACTOR).max(LEAST), Relaxed);
        slot.run.store(run + 1, Release);
        Run(Some(slot))
    }

    /// Fails if the run was marked.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.0.map_or(Ok(()), verdict)
    }
}

impl Drop for Run {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.run.store(slot.run.load(Relaxed) + 1, Release);
        }
    }
}

#[inline]
fn verdict(slot: &'static Slot) -> Result<(), Fault> {
    if slot.marked.load(Relaxed) != slot.run.load(Relaxed) { Ok(()) } else { Err(late(slot)) }
}

#[cold]
fn late(slot: &Slot) -> Fault {
    Fault::new(Code::NodeFault, format!("a run took more than {} ns of CPU time, {FACTOR} times its price", slot.bound.load(Relaxed)))
}

/// Fails if this thread's run was marked.
#[inline]
pub(crate) fn check() -> Result<(), Fault> {
    match MINE.with(|mine| mine.0.get()) {
        Some((_, slot)) if slot.run.load(Relaxed) & 1 == 1 => verdict(slot),
        _ => Ok(()),
    }
}

/// Starts the monitor of this process, once.
pub(crate) fn start(process: Process) {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = process.number() + 1;
    if STARTED.swap(number, Relaxed) != number {
        let thread = std::thread::Builder::new().name("detent-guard".into()).spawn(monitor);
        if thread.is_err() {
            STARTED.store(0, Relaxed); // no guard now; the next engine tries again
        }
    }
}

fn now(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: reads a clock into our own variable; the clock of an ended thread gives an error.
    (unsafe { libc::clock_gettime(clock, &mut time) } == 0).then(|| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

fn monitor() {
    // What was seen first of each slot's current run: slot, run, CPU time.
    let mut seen: Vec<(*const Slot, u64, u64)> = Vec::new();
    loop {
        std::thread::sleep(PERIOD);
        for slot in slots() {
            let run = slot.run.load(Acquire);
            let key: *const Slot = slot;
            let before = seen.iter().position(|s| s.0 == key);
            if run & 1 == 0 {
                before.map(|i| seen.swap_remove(i));
                continue;
            }
            let Some(cpu) = now(slot.clock.load(Relaxed)) else { continue };
            match before.and_then(|i| seen.get_mut(i)) {
                Some(seen) if seen.1 == run => {
                    let (took, bound) = (cpu.saturating_sub(seen.2), slot.bound.load(Relaxed));
                    if took > bound && slot.run.load(Acquire) == run && slot.marked.swap(run, Relaxed) != run {
                        OVERDUE.fetch_add(1, Relaxed);
                        eprintln!("detent: a run has taken {took} ns of CPU time, its bound is {bound} ns; it will end as a node fault");
                    }
                }
                Some(seen) => *seen = (key, run, cpu),
                None => seen.push((key, run, cpu)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_over_its_bound_is_marked_and_the_next_is_not() {
        let process = Process::current();
        start(process);
        let run = Run::begin(process, 0, 1);
        assert!(Run::begin(process, 1 << 60, 1).0.is_none(), "a nested run is part of the outermost");
        let mut x = 0u64;
        while check().is_ok() {
            x = std::hint::black_box(x.wrapping_mul(31).wrapping_add(7));
        }
        assert_eq!(run.check().unwrap_err().code, Code::NodeFault);
        drop(run);
        check().unwrap();
        let run = Run::begin(process, 0, 1);
        run.check().unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        run.check().expect("waiting is not CPU time");
        assert!(overdue() >= 1);
    }
}
