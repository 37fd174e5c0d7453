//! The signal handlers that turn machine faults into traps, and record written pages.
//!
//! The native engine installs them once a process, when the first engine is made. A library that installs its own later (Python's
//! `faulthandler`) would see every fault of a guest first; callers check [`signals_intact`] before a batch.

use detent_protocol::{Code, Fault};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

const SIGNALS: [libc::c_int; 3] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE];

static INSTALLED: OnceLock<[libc::sigaction; 3]> = OnceLock::new();

fn current(signal: libc::c_int) -> libc::sigaction {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a query into our own memory; all-zero is a valid `sigaction` if the query fails.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    }
}

/// Called right after the first native engine of the process was made.
pub(crate) fn remember() {
    INSTALLED.get_or_init(|| SIGNALS.map(current));
}

/// Whether the handlers are still the ones that the first engine installed. True when no native engine was made.
pub fn signals_intact() -> bool {
    INSTALLED.get().is_none_or(|installed| SIGNALS.iter().zip(installed).all(|(&s, i)| current(s).sa_sigaction == i.sa_sigaction))
}

/// [`signals_intact`] as a fault.
pub fn signals_check() -> Result<(), Fault> {
    if signals_intact() { Ok(()) } else { Err(Fault::new(Code::SignalsReplaced, "")) }
}

/// Puts the engine's handlers back in front. Faults that are not a guest's then go to the handlers that were there before the first engine,
/// not to the ones displaced now.
pub fn signals_reinstall() {
    for (&signal, action) in SIGNALS.iter().zip(INSTALLED.get().into_iter().flatten()) {
        // SAFETY: installs a handler that was installed by the engine and stays loaded as long as this code.
        unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) };
    }
}
