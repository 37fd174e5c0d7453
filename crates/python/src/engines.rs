//! The engines and the artefact cache of this process. One set a process: a forked child makes its own.

use detent_engine::{Cache, Engine, Engines, Settings};
use detent_protocol::Fault;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of artefacts kept in memory, over all chains of the process.
const MEMORY: usize = 256 << 20;
/// Bytes of artefacts kept on disk, over all processes of the user.
const DISK: u64 = 1 << 30;

struct Shared {
    process: u32,
    engines: Engines,
    cache: Arc<Cache>,
}

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

fn with<T>(work: impl FnOnce(&Shared) -> Result<T, Fault>) -> Result<T, Fault> {
    let mut guard = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if guard.as_ref().is_some_and(|shared| shared.process != process) {
        // the parent's are left alone: dropping them would wait for threads that the child does not have
        std::mem::forget(guard.take());
    }
    match &*guard {
        Some(shared) => work(shared),
        None => {
            let engines = Engines::new(&Settings::default())?;
            work(guard.insert(Shared { process, engines, cache: Arc::new(make_cache()) }))
        }
    }
}

/// `$DETENT_CACHE`, else `$XDG_CACHE_HOME/detent`, else `~/.cache/detent`; an empty `$DETENT_CACHE` keeps artefacts in memory only.
fn directory() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match std::env::var_os("DETENT_CACHE") {
        Some(value) if value.is_empty() => None,
        Some(value) => Some(value.into()),
        None => named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache"))).map(|base| base.join("detent")),
    }
}

/// A folder that cannot be used is no reason to stop: without it artefacts are compiled again.
fn make_cache() -> Cache {
    directory().and_then(|folder| Cache::with_directory(MEMORY, &folder, DISK).ok()).unwrap_or_else(|| Cache::new(MEMORY))
}

/// The engine of that name.
pub fn get(name: &str) -> Result<Arc<dyn Engine>, Fault> {
    with(|shared| shared.engines.get(name))
}

/// All names.
pub fn names() -> Result<Vec<&'static str>, Fault> {
    with(|shared| Ok(shared.engines.names()))
}

/// The cache of this process.
pub fn cache() -> Result<Arc<Cache>, Fault> {
    with(|shared| Ok(Arc::clone(&shared.cache)))
}
