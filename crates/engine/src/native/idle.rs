//! Instances kept for the next call of the same artefact: taken and given back without a lock.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Instances kept for each artefact, over all threads: `LINES * IN_LINE`.
const LINES: usize = 8;
/// Neighbouring places, on one cache line, that a thread tries first.
const IN_LINE: usize = 4;

/// A bounded bag. Each place holds one box or nothing and changes by one atomic exchange, so nothing is ever read after it was taken.
pub(crate) struct Idle<T> {
    lines: [Line<T>; LINES],
}

/// A cache line of its own, so that threads do not slow each other down.
#[repr(align(64))]
struct Line<T>([Place<T>; IN_LINE]);

struct Place<T> {
    item: AtomicPtr<T>,
    /// Bytes that the item holds.
    weight: AtomicUsize,
}

/// Where this thread begins to look: threads get different lines, so that warm instances stay with their core.
#[inline]
fn first() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static FIRST: usize = NEXT.fetch_add(1, Ordering::Relaxed) % LINES;
    }
    FIRST.with(|f| *f)
}

impl<T> Idle<T> {
    pub(crate) fn new() -> Idle<T> {
        let place = || Place { item: AtomicPtr::new(ptr::null_mut()), weight: AtomicUsize::new(0) };
        Idle { lines: std::array::from_fn(|_| Line(std::array::from_fn(|_| place()))) }
    }

    fn order(&self) -> impl Iterator<Item = &Place<T>> {
        let (before, after) = self.lines.split_at(first());
        after.iter().chain(before).flat_map(|line| &line.0)
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Box<T>> {
        for place in self.order() {
            if place.item.load(Ordering::Relaxed).is_null() {
                continue;
            }
            let taken = place.item.swap(ptr::null_mut(), Ordering::Acquire);
            if !taken.is_null() {
                // SAFETY: the pointer came from `Box::into_raw` in `give`, and the exchange made us its only holder.
                return Some(unsafe { Box::from_raw(taken) });
            }
        }
        None
    }

    /// Keeps it, or hands it back when all places are full.
    #[inline]
    pub(crate) fn give(&self, item: Box<T>, weight: usize) -> Option<Box<T>> {
        let item = Box::into_raw(item);
        for place in self.order() {
            if place.item.load(Ordering::Relaxed).is_null()
                && place.item.compare_exchange(ptr::null_mut(), item, Ordering::Release, Ordering::Relaxed).is_ok()
            {
                place.weight.store(weight, Ordering::Relaxed);
                return None;
            }
        }
        // SAFETY: no place took it, so it is still ours alone.
        Some(unsafe { Box::from_raw(item) })
    }

    /// Bytes that the kept items hold, about.
    pub(crate) fn weight(&self) -> usize {
        let kept = self.order().filter(|place| !place.item.load(Ordering::Relaxed).is_null());
        kept.map(|place| place.weight.load(Ordering::Relaxed)).sum()
    }
}

impl<T> Drop for Idle<T> {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

// SAFETY: it owns its items, and hands each to one thread at a time.
unsafe impl<T: Send> Send for Idle<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Idle<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const PLACES: usize = LINES * IN_LINE;

    #[test]
    fn it_keeps_a_bounded_number_and_gives_each_once() {
        let idle = Idle::new();
        for i in 0..PLACES {
            assert!(idle.give(Box::new(i), 10).is_none());
        }
        assert_eq!(*idle.give(Box::new(99), 10).unwrap(), 99);
        assert_eq!(idle.weight(), 10 * PLACES);
        let mut all: Vec<_> = std::iter::from_fn(|| idle.take()).map(|b| *b).collect();
        all.sort_unstable();
        assert_eq!(all, (0..PLACES).collect::<Vec<_>>());
        assert!(idle.take().is_none());
        assert_eq!(idle.weight(), 0);
    }

    #[test]
    fn many_threads_neither_lose_nor_double() {
        let (idle, drops) = (Arc::new(Idle::new()), Arc::new(AtomicUsize::new(0)));
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let item = idle.take().unwrap_or_else(|| {
                            drops.fetch_sub(1, Ordering::Relaxed);
                            Box::new(Counted(drops.clone()))
                        });
                        drop(idle.give(item, 1));
                    }
                });
            }
        });
        drop(idle);
        assert_eq!(drops.load(Ordering::Relaxed), 0, "made minus dropped");
    }
}
