//! The threads that hash and check in parallel: one pool a process. The global pool of rayon would not survive a `fork`, whose child
//! has none of its threads and would wait for them for ever.

use detent_protocol::{Code, Fault};
use rayon::ThreadPool;
use std::sync::{Arc, Mutex, PoisonError};

static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// The pool of this process, one thread a core; made when first asked for.
pub fn workers() -> Result<Arc<ThreadPool>, Fault> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match &*pool {
        Some((owner, pool)) if *owner == process => return Ok(Arc::clone(pool)),
        // dropping it would wake threads that a forked child does not have
        Some(_) => std::mem::forget(pool.take()),
        None => {}
    }
    let made = rayon::ThreadPoolBuilder::new().thread_name(|i| format!("detent-worker-{i}")).build();
    let made = Arc::new(made.map_err(|e| Fault::new(Code::NodeFault, format!("no worker threads: {e}")))?);
    *pool = Some((process, Arc::clone(&made)));
    Ok(made)
}

/// Whether this thread belongs to a pool. Code with a parallel and a serial way takes the parallel one only here: whoever has enough work
/// enters the pool with `workers()?.install(...)`, and small work never pays for waking threads. Both ways give the same bytes.
pub fn in_pool() -> bool {
    rayon::current_thread_index().is_some()
}

/// `f` of each item, in order; in parallel inside a pool.
pub fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    if in_pool() { items.par_iter().map(f).collect() } else { items.iter().map(f).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_same_in_order() {
        let items: Vec<u64> = (0..10_000).collect();
        let square = |x: &u64| x * x;
        assert!(!in_pool());
        let serial = map(&items, square);
        let parallel = workers().expect("threads").install(|| {
            assert!(in_pool());
            map(&items, square)
        });
        assert_eq!(serial, parallel);
    }
}
