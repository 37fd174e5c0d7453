//! Which process made an engine: after `fork` the child has no worker or guard threads and perhaps locks that nobody will release,
//! so engines of the parent refuse to run there.

use detent_protocol::{Code, Fault};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn child() {
    GENERATION.fetch_add(1, Relaxed);
}

/// The process in which something was made. Checking costs one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Process {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            // SAFETY: the handler only adds to an atomic, which is safe in the child of a fork.
            unsafe { libc::pthread_atfork(None, None, Some(child)) };
        });
        Process(GENERATION.load(Relaxed))
    }

    /// 0 in the first process, one more in each child.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn check(self) -> Result<(), Fault> {
        if self.0 == GENERATION.load(Relaxed) { Ok(()) } else { Err(Fault::new(Code::EngineForked, "")) }
    }
}
