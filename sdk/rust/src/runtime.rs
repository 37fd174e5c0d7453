//! What a wasm32 guest needs instead of an operating system: memory and an end for panics.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

const PAGE: usize = 65536;

unsafe extern "C" {
    /// Made by the linker: the first byte behind stack and data.
    static __heap_base: u8;
}

/// Hands out memory upwards and never takes it back: a frame has its own memory, which ends with it. Memory that was never handed out
/// is zero, so zeroed memory costs nothing.
struct Bump(UnsafeCell<usize>);

// SAFETY: a guest has one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump(UnsafeCell::new(0));

impl Bump {
    /// The first free byte.
    fn next(&self) -> usize {
        // SAFETY: one thread, and no reference into the cell outlives this line.
        let next = unsafe { *self.0.get() };
        if next == 0 { &raw const __heap_base as usize } else { next }
    }

    /// Makes `end` the first free byte, growing the memory when it lies behind it.
    fn take(&self, end: usize) -> bool {
        let have = core::arch::wasm32::memory_size(0) * PAGE;
        if end > have && core::arch::wasm32::memory_grow(0, (end - have).div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        // SAFETY: one thread, and no reference into the cell exists.
        unsafe { *self.0.get() = end };
        true
    }
}

// SAFETY: `alloc` gives blocks that are aligned, inside the memory, and disjoint from all before, since the first free byte only rises.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next().next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(end) if self.take(end) => start as *mut u8,
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the same; memory that was never handed out is zero.
        unsafe { self.alloc(layout) }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = block as usize;
        if start + layout.size() == self.next() {
            // The last block grows (or stays) where it is.
            let end = start.checked_add(size).map(|end| end.max(self.next()));
            return if end.is_some_and(|end| self.take(end)) { block } else { core::ptr::null_mut() };
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: size is not zero and does not overflow when rounded up, by the caller's promise; the new block is disjoint and
        // longer than the old one.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(block, new, layout.size());
            }
            new
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    crate::halt::trap()
}
