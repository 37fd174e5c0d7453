//! Gives the native engine memories that are [`Region`]s.

use super::region::Region;
use std::cell::RefCell;
use std::sync::Arc;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

thread_local! {
    /// The memory made last on this thread: an instance is made on one thread, and has one memory.
    static MADE: RefCell<Option<Arc<Region>>> = const { RefCell::new(None) };
}

/// The memory of the instance just made on this thread, if it has one.
pub(crate) fn made() -> Option<Arc<Region>> {
    MADE.take()
}

pub(crate) struct Regions;

struct Linear(Arc<Region>);

// SAFETY: a region reserves addresses for the 4 GiB and the guard that the engine asks for, never moves, and is zero when new.
unsafe impl MemoryCreator for Regions {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let reserved = reserved.unwrap_or(minimum).max(minimum).saturating_add(guard);
        let region = Arc::new(Region::new(minimum, reserved, guard).map_err(|fault| fault.detail)?);
        MADE.set(Some(region.clone()));
        Ok(Box::new(Linear(region)))
    }
}

// SAFETY: the pointer and the accessible size are the region's, and stay until it is dropped.
unsafe impl LinearMemory for Linear {
    fn byte_size(&self) -> usize {
        self.0.size()
    }

    fn byte_capacity(&self) -> usize {
        self.0.capacity()
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        self.0.grow(size).map_err(|fault| wasmtime::Error::msg(fault.detail))
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.base()
    }
}
