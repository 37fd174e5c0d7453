//! One linear memory: 4 GiB of reserved addresses, and an exact record of the pages that were written.
//!
//! **The argument.** Between two activations the whole memory is read-only except for the pages of the record. A store to any
//! other page is a machine fault; [`Region::open`] runs in the signal handler, enters the page in the record, makes it writable
//! and lets the store happen. So a page outside the record cannot differ from its pristine contents, whoever wrote (guest code, the
//! engine's bulk operations, a host function through its slice), and [`Region::restore`], which rewrites exactly the pages of the
//! record, is complete. It rests on page protection alone: not on kernel counters, swap, huge pages, or which thread ran; nested
//! activations fault on their own regions; after `fork` the child has the record and the protection that belong to its copy.
//! A warm instance makes no system call.
//!
//! The first pages of a record are opened one at a time, later ones in windows that double, so that a hostile module can cause about
//! a hundred faults, and then the rest of the memory is opened at once. Records that grew large are forgotten now and then: the
//! memory is replaced by fresh zero pages, and the image is copied in again.

use super::image::Image;
use detent_protocol::{Code, Fault};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Bytes per tracked page. The largest page size of supported machines that divides 64 KiB evenly would do; 4 KiB on x86-64.
pub(crate) fn page_size() -> usize {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    match SIZE.load(Relaxed) {
        0 => {
            // SAFETY: sysconf has no preconditions.
            let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
            SIZE.store(size, Relaxed);
            size
        }
        size => size,
    }
}

/// Windows opened one page at a time before they begin to double.
const SINGLE: u32 = 32;
/// Windows of each doubled size.
const PER_SIZE: u32 = 8;
/// A record beyond this many pages is not kept: all pages are opened, and the memory is replaced when the activation ends.
const RECORD: usize = 1024;
/// A record above this many pages is forgotten every [`FORGET_EVERY`] restores, in case few of its pages are still in use.
const LARGE: usize = 32;
const FORGET_EVERY: u32 = 512;

/// A reserved range of addresses with a linear memory at its beginning.
pub(crate) struct Region {
    base: *mut u8,
    /// Bytes reserved, guard included.
    reserved: usize,
    /// Bytes that are never accessible, at the end.
    guard: usize,
    /// Bytes that the guest may address at first; tracked.
    initial: usize,
    /// Bytes that the guest may address now.
    size: AtomicUsize,
    /// Protection is on: faults are for [`Region::open`].
    tracked: AtomicBool,
    /// The record: page numbers, in order of opening.
    record: Box<[AtomicU32]>,
    recorded: AtomicUsize,
    /// One bit a page of the initial size.
    writable: Box<[AtomicU64]>,
    /// Windows opened since the record was empty.
    windows: AtomicU32,
    /// Every page is writable and the record says nothing.
    all: AtomicBool,
    /// The kernel refused a change of protection: the activation's result must not be used.
    failed: AtomicBool,
    restores: AtomicU32,
    /// Bytes of growth that are a mapping of their own.
    apart: AtomicUsize,
}

// SAFETY: the range is owned by this value; one activation at a time uses it (its store is not shared), and the signal handler runs on that
// activation's thread. The record is atomic, so that the handler and the code it interrupts agree.
unsafe impl Send for Region {}
// SAFETY: as above; shared references only read atomics.
unsafe impl Sync for Region {}

/// Bytes of growth that stay resident.
const KEPT_GROWTH: usize = 2 << 16;

/// What [`Region::restore`] had to do.
pub(crate) enum Restored {
    /// The size is as it was.
    Whole,
    /// The memory had grown and has this many bytes again.
    Shrunk(usize),
}

fn refused(what: &str) -> Fault {
    Fault::new(Code::NodeFault, format!("{what}: {}", std::io::Error::last_os_error()))
}

impl Region {
    /// Reserves `reserved` bytes of addresses, the last `guard` of them for ever inaccessible, and makes the first `size` accessible, zero and
    /// untracked.
    pub(crate) fn new(size: usize, reserved: usize, guard: usize) -> Result<Region, Fault> {
        let pages = size / page_size();
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(ptr::null_mut(), reserved, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)
        };
        if base == libc::MAP_FAILED {
            return Err(refused("no address space for a linear memory"));
        }
        let region = Region {
            base: base.cast(),
            reserved,
            guard,
            initial: size,
            size: AtomicUsize::new(size),
            tracked: AtomicBool::new(false),
            record: (0..pages.min(RECORD)).map(|_| AtomicU32::new(0)).collect(),
            recorded: AtomicUsize::new(0),
            writable: (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            windows: AtomicU32::new(0),
            all: AtomicBool::new(true),
            failed: AtomicBool::new(false),
            restores: AtomicU32::new(0),
            apart: AtomicUsize::new(0),
        };
        region.protect(0, size, libc::PROT_READ | libc::PROT_WRITE).then_some(region).ok_or_else(|| refused("no memory"))
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(crate) fn size(&self) -> usize {
        self.size.load(Relaxed)
    }

    /// Bytes that it can grow to.
    pub(crate) fn capacity(&self) -> usize {
        self.reserved - self.guard
    }

    /// The kernel refused something during the last activation.
    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Pages that the next [`Region::restore`] rewrites.
    fn recorded(&self) -> usize {
        self.recorded.load(Relaxed)
    }

    /// Bytes of memory held between activations, at most.
    pub(crate) fn resident(&self) -> usize {
        self.recorded() * page_size() + self.apart.load(Relaxed)
    }

    /// Makes the memory larger. The new pages are writable and not recorded: [`Region::restore`] takes them away again.
    pub(crate) fn grow(&self, size: usize) -> Result<(), Fault> {
        let old = self.size();
        if size < old || size > self.capacity() || !self.protect(old, size - old, libc::PROT_READ | libc::PROT_WRITE) {
            return Err(refused("no memory to grow into"));
        }
        self.size.store(size, Relaxed);
        Ok(())
    }

    /// Begins recording: the contents as they are now are pristine.
    pub(crate) fn track(&self) -> Result<(), Fault> {
        if !self.protect(0, self.initial, libc::PROT_READ) {
            return Err(refused("cannot protect a linear memory"));
        }
        self.tracked.store(true, Relaxed);
        self.all.store(false, Relaxed);
        Ok(())
    }

    /// Called in the signal handler: a fault at `address`. True when the access is to be tried again.
    pub(crate) fn open(&self, address: usize) -> bool {
        let offset = address.wrapping_sub(self.base as usize);
        if offset >= self.initial || !self.tracked.load(Relaxed) || self.all.load(Relaxed) {
            return false;
        }
        let (page, pages) = (offset / page_size(), self.initial / page_size());
        if self.is_writable(page) {
            return false; // not ours: a writable page does not fault
        }
        let window = self.windows.fetch_add(1, Relaxed);
        let width = if window < SINGLE { 1 } else { 2usize << ((window - SINGLE) / PER_SIZE).min(20) };
        let first = page - page % width;
        let last = (first + width).min(pages);
        if self.recorded() + (last - first) > self.record.len()
            || !self.protect(first * page_size(), (last - first) * page_size(), libc::PROT_READ | libc::PROT_WRITE)
        {
            // Also when the kernel has no room for another mapping: one mapping for all needs less.
            self.all.store(true, Relaxed);
            let opened = self.protect(0, self.initial, libc::PROT_READ | libc::PROT_WRITE);
            self.failed.store(!opened, Relaxed);
            return opened;
        }
        for page in first..last {
            if !self.is_writable(page) {
                self.enter(page);
            }
        }
        true
    }

    fn is_writable(&self, page: usize) -> bool {
        self.writable.get(page / 64).is_some_and(|word| word.load(Relaxed) & (1 << (page % 64)) != 0)
    }

    fn enter(&self, page: usize) {
        let n = self.recorded.load(Relaxed);
        if let (Some(word), Some(place)) = (self.writable.get(page / 64), self.record.get(n)) {
            word.fetch_or(1 << (page % 64), Relaxed);
            place.store(page as u32, Relaxed);
            self.recorded.store(n + 1, Relaxed);
        }
    }

    /// Makes the memory pristine, and as large as at first. On an error the instance must be dropped.
    pub(crate) fn restore(&self, image: &Image) -> Result<Restored, Fault> {
        let grown = self.size() - self.initial;
        if grown > 0 {
            self.shrink(grown)?;
        }
        let restored = if grown > 0 { Restored::Shrunk(self.initial) } else { Restored::Whole };
        let recorded = self.recorded();
        let large = recorded > LARGE && self.restores.fetch_add(1, Relaxed) % FORGET_EVERY == FORGET_EVERY - 1;
        if self.all.load(Relaxed) || large {
            self.replace(image)?;
            return Ok(restored);
        }
        for place in self.record.iter().take(recorded) {
            let page = place.load(Relaxed) as usize;
            // SAFETY: a page of the record lies below the size (which only grows) and is writable; nothing else refers to the
            // memory, for its activation has ended.
            let target = unsafe { std::slice::from_raw_parts_mut(self.base.add(page * page_size()), page_size()) };
            match image.page(page) {
                Some(bytes) => target.copy_from_slice(bytes),
                None => target.fill(0),
            }
        }
        Ok(restored)
    }

    /// Takes grown pages away. A few are kept resident, zero and inaccessible, for the next call will most likely grow as well: zeroing
    /// costs less than giving pages back and faulting them in.
    fn shrink(&self, grown: usize) -> Result<(), Fault> {
        if grown > KEPT_GROWTH {
            self.map(self.initial, grown, libc::PROT_NONE)?;
        } else {
            // SAFETY: the grown part is writable until the next line, and nothing refers to it between activations.
            unsafe { std::slice::from_raw_parts_mut(self.base.add(self.initial), grown) }.fill(0);
            if !self.protect(self.initial, grown, libc::PROT_NONE) {
                return Err(refused("cannot protect a linear memory"));
            }
            // A difference to its neighbours keeps the kernel from merging the part with them now and splitting it off again at the next
            // growth, which is half of the cost. It fails without harm.
            #[cfg(target_os = "linux")]
            if self.apart.swap(grown, Relaxed) != grown {
                // SAFETY: a part of our own range; the advice changes only core dumps.
                unsafe { libc::madvise(self.base.add(self.initial).cast(), grown, libc::MADV_DONTDUMP) };
            }
        }
        self.size.store(self.initial, Relaxed);
        Ok(())
    }

    /// Replaces a part by fresh zero pages.
    fn map(&self, from: usize, bytes: usize, protection: libc::c_int) -> Result<(), Fault> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
        // SAFETY: replaces pages of our own range; nothing refers to them between activations.
        let fresh = unsafe { libc::mmap(self.base.add(from).cast(), bytes, protection, flags, -1, 0) };
        if fresh == libc::MAP_FAILED { Err(refused("no fresh pages for a linear memory")) } else { Ok(()) }
    }

    /// Fresh zero pages, the image, an empty record.
    fn replace(&self, image: &Image) -> Result<(), Fault> {
        self.map(0, self.initial, libc::PROT_READ | libc::PROT_WRITE)?;
        for (page, bytes) in image.pages() {
            if (page + 1) * page_size() <= self.initial {
                // SAFETY: inside the range just mapped writable.
                unsafe { std::slice::from_raw_parts_mut(self.base.add(page * page_size()), page_size()) }.copy_from_slice(bytes);
            }
        }
        self.recorded.store(0, Relaxed);
        self.windows.store(0, Relaxed);
        for word in &self.writable {
            word.store(0, Relaxed);
        }
        self.track()
    }

    /// Async-signal-safe.
    fn protect(&self, from: usize, bytes: usize, protection: libc::c_int) -> bool {
        // SAFETY: a part of our own range; callers keep inside `reserved`.
        bytes == 0 || unsafe { libc::mprotect(self.base.add(from).cast(), bytes, protection) } == 0
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range is ours, and the last user is gone.
        unsafe { libc::munmap(self.base.cast(), self.reserved) };
    }
}
