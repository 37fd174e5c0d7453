//! Artefacts in memory, bounded in bytes, the least recently used leaving first; behind them, if a directory is given, native code on disk.

use crate::disk::Disk;
use crate::{Artefact, Engine};
use detent_gas::Deterministic;
use detent_protocol::{Fault, Schedule};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything that an artefact depends on, hashed: original code, form, engine with version, flags and CPU features, schedule, rewriter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of the original code with hash `code` on this engine, under the schedule in force.
    pub fn new(code: &[u8; 32], engine: &dyn Engine) -> Key {
        let mut hash = blake3::Hasher::new_derive_key("detent artefact key 1");
        hash.update(code);
        hash.update(&[engine.form() as u8]);
        hash.update(&engine.fingerprint());
        hash.update(&Schedule::current().hash());
        hash.update(&detent_gas::VERSION.to_le_bytes());
        hash.update(engine.name().as_bytes());
        Key(*hash.finalize().as_bytes())
    }
}

/// A cache of artefacts. Shared by threads; a thread that compiles blocks nobody else.
pub struct Cache {
    held: Mutex<HashMap<Key, Held>>,
    clock: AtomicU64,
    bound: usize,
    disk: Option<Disk>,
}

struct Held {
    artefact: Arc<dyn Artefact>,
    used: u64,
}

impl Cache {
    /// Holds up to `bound` bytes of artefacts and their idle instances, in memory only.
    pub fn new(bound: usize) -> Cache {
        Cache { held: Mutex::default(), clock: AtomicU64::new(0), bound, disk: None }
    }

    /// The same, with native code kept in `directory` across processes, up to `disk_bound` bytes. The directory is made with mode 0700 if it is
    /// missing; one that is not this user's alone is refused ([`detent_protocol::Code::CacheDirectory`]).
    pub fn with_directory(bound: usize, directory: &Path, disk_bound: u64) -> Result<Cache, Fault> {
        Ok(Cache { disk: Some(Disk::open(directory, disk_bound)?), ..Cache::new(bound) })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// The artefact, if memory has it.
    pub fn get(&self, key: &Key) -> Option<Arc<dyn Artefact>> {
        let now = self.now();
        let mut held = self.held();
        let found = held.get_mut(key)?;
        found.used = now;
        Some(found.artefact.clone())
    }

    /// The artefact from memory or disk, or compiled. `module` gives the rewritten module when it is needed.
    pub fn get_or_compile(
        &self,
        key: &Key,
        engine: &dyn Engine,
        module: impl FnOnce() -> Result<Arc<Deterministic>, Fault>,
    ) -> Result<Arc<dyn Artefact>, Fault> {
        if let Some(artefact) = self.get(key) {
            return Ok(artefact);
        }
        let module = module()?;
        let Some(disk) = &self.disk else { return Ok(self.insert(key, engine.compile(module)?)) };
        // The same original under the same key has one rewritten form; its hash is in the file all the same.
        let hash = *blake3::hash(&module.wasm).as_bytes();
        let restored = disk.load(&key.0, &hash).and_then(|native| engine.restore(module.clone(), &native).ok());
        let artefact = match restored {
            Some(artefact) => artefact,
            None => {
                let artefact = engine.compile(module)?;
                if let Some(native) = artefact.native() {
                    disk.store(&key.0, &hash, &native);
                }
                artefact
            }
        };
        Ok(self.insert(key, artefact))
    }

    /// Keeps an artefact. If another thread was first, the answer is the one it kept.
    fn insert(&self, key: &Key, artefact: Arc<dyn Artefact>) -> Arc<dyn Artefact> {
        let used = self.now();
        let mut held = self.held();
        let kept = held.entry(*key).or_insert(Held { artefact, used });
        kept.used = used;
        let kept = kept.artefact.clone();
        let leaving = self.leaving(&mut held);
        drop(held);
        drop(leaving); // after the lock: dropping unmaps memories
        kept
    }

    /// Brings memory under its bound again: idle instances grow while artefacts run. Worth calling once a block.
    pub fn trim(&self) {
        let leaving = self.leaving(&mut self.held());
        drop(leaving);
    }

    /// Takes out the least recently used until the rest is within the bound or one is left.
    fn leaving(&self, held: &mut HashMap<Key, Held>) -> Vec<Held> {
        let mut bytes: usize = held.values().map(|h| h.artefact.size()).sum();
        let mut leaving = Vec::new();
        while bytes > self.bound && held.len() > 1 {
            let Some(oldest) = held.iter().min_by_key(|(_, h)| h.used).map(|(k, _)| *k) else { break };
            if let Some(out) = held.remove(&oldest) {
                bytes = bytes.saturating_sub(out.artefact.size());
                leaving.push(out);
            }
        }
        leaving
    }

    /// Artefacts in memory.
    pub fn len(&self) -> usize {
        self.held().len()
    }

    /// Whether memory holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in memory, idle instances included.
    pub fn size(&self) -> usize {
        self.held().values().map(|h| h.artefact.size()).sum()
    }

    /// Forgets all artefacts in memory.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.held());
        drop(all);
    }
}
