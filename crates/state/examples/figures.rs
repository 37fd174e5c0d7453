//! Prints what the state costs: `cargo run -p detent-state --example figures [keys] [folder]`.
//!
//! Each line is a figure of docs/state.md, measured here and now, on this machine.

use detent_protocol::Fault;
use detent_state::{
    Batch, Blake3, Change, Commitment, Digest, Key, LeafChange, NodeStore, NodeWrite, Options, Overlay, Path as StatePath, State, Value,
    workers,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Deterministic, fast, and good enough to pick keys.
struct Picks(u64);

impl Picks {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn key(i: u64) -> Key {
    Key::storage(blake3::hash(&(i % 50).to_le_bytes()).as_bytes(), blake3::hash(&i.to_le_bytes()).as_bytes())
}

fn changes(picks: &mut Picks, count: u64, keys: u64) -> Vec<Change> {
    (0..count).map(|_| (key(picks.next(keys)), Some(Value::from(u128::from(picks.next(u64::MAX)).to_le_bytes())))).collect()
}

/// Processor time of all threads so far; zero where the system does not say.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = stat.rsplit(')').next().unwrap_or_default().split(' ').skip(12).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("median {:>10.1?}   worst {:>10.1?}", times[times.len() / 2], times[times.len() - 1])
}

fn per(start: Instant, count: u64) -> String {
    format!("{:>8.1} ns", start.elapsed().as_nanos() as f64 / count as f64)
}

/// The best of three runs, per piece: what the code costs when nobody else is running.
fn best(count: u64, mut work: impl FnMut() -> Duration) -> String {
    let least = (0..3).map(|_| work()).min().unwrap_or_default();
    format!("{:>8.1} ns", least.as_nanos() as f64 / count as f64)
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn overlay(state: &State, keys: u64) {
    println!("\noverlay, {keys} keys");
    let order: Vec<Key> = (0..keys).map(key).collect();
    let mut shuffled = order.clone();
    let mut picks = Picks(99);
    (0..keys as usize).for_each(|i| shuffled.swap(i, picks.next(keys) as usize));
    let few: Vec<Key> = order.iter().take(1000).copied().collect();
    let mut block = Overlay::new(state);
    let mut sum = 0u64;
    let mut get =
        |block: &mut Overlay, keys: &[Key]| keys.iter().for_each(|k| sum += block.get(k).expect("reads").map_or(0, |v| v.len() as u64));
    let set = |block: &mut Overlay, keys: &[Key]| keys.iter().for_each(|k| block.set(k, &[7; 16]).expect("writes"));
    println!(
        "  first get, from the committed state  {}",
        best(keys, || {
            block.rebase(state.reader());
            timed(|| get(&mut block, &order))
        })
    );
    println!("  get, random over all                 {}", best(keys, || timed(|| get(&mut block, &shuffled))));
    println!("  set, random over all                 {}", best(keys, || timed(|| set(&mut block, &shuffled))));
    let (mut with_undo, mut revert) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let mark = block.checkpoint();
        with_undo = with_undo.min(timed(|| set(&mut block, &shuffled)));
        revert = revert.min(timed(|| block.revert(mark)));
    }
    println!("  set with undo, random over all       {}", best(keys, || with_undo));
    println!("  revert, per change                   {}", best(keys, || revert));
    println!("  get, the same thousand keys          {}", best(1_000_000, || timed(|| (0..1000).for_each(|_| get(&mut block, &few)))));
    println!(
        "  set in a transaction of ten          {}",
        best(1_000_000, || timed(|| (0..1000).for_each(|_| for ten in few.chunks(10) {
            let mark = block.checkpoint();
            set(&mut block, ten);
            block.commit(mark);
        })))
    );
    let t = Instant::now();
    let drained = block.drain_sorted().len();
    println!("  drain, per change                    {}   ({drained} changes, {sum} bytes read)", per(t, keys));
}

/// The commitment by itself, its nodes in a plain map.
#[derive(Default)]
struct Nodes(HashMap<StatePath, Arc<[u8]>>);

impl NodeStore for Nodes {
    fn node(&self, path: &StatePath) -> Result<Option<Arc<[u8]>>, Fault> {
        Ok(self.0.get(path).cloned())
    }
}

impl Nodes {
    fn write(&mut self, writes: Vec<NodeWrite>) {
        for (path, row) in writes {
            match row {
                Some(row) => self.0.insert(path, row),
                None => self.0.remove(&path),
            };
        }
    }
}

fn commitment(keys: u64) {
    println!("\ncommitment alone, {keys} keys");
    let workers = workers().expect("threads");
    let hash = |i: u64, salt: u64| Blake3::hash(&[&i.to_le_bytes(), &salt.to_le_bytes()]);
    let (mut tree, mut nodes) = (Commitment::<Blake3>::default(), Nodes::default());
    let t = Instant::now();
    nodes.write(
        tree.apply(&nodes, (0..keys).map(|i| LeafChange { key_hash: hash(i, 0), value_hash: Some(hash(i, 1)) }).collect())
            .expect("applies"),
    );
    println!(
        "  build                                {:>10.1?}   {} nodes, {} MB",
        t.elapsed(),
        nodes.0.len(),
        nodes.0.values().map(|n| n.len()).sum::<usize>() >> 20
    );
    let (mut picks, mut times, mut work, mut rows, mut bytes) = (Picks(5), Vec::new(), Duration::ZERO, 0, 0);
    for round in 0..15 {
        let changes = (0..20_000).map(|_| LeafChange { key_hash: hash(picks.next(keys), 0), value_hash: Some(hash(round, 2)) }).collect();
        let (t, p) = (Instant::now(), processor());
        let writes = workers.install(|| tree.apply(&nodes, changes)).expect("applies");
        times.push(t.elapsed());
        work += processor() - p;
        rows += writes.len();
        bytes += writes.iter().map(|(_, row)| row.as_ref().map_or(0, |r| r.len())).sum::<usize>();
        nodes.write(writes);
    }
    println!("  20,000 changes                       {}   processor {:?} each", median(times), work / 15);
    println!("  rows written each time               {:>10}   {} kB", rows / 15, (bytes / 15) >> 10);
}

fn run(name: &str, mut state: State, keys: u64) -> State {
    println!("\n{name}, {keys} keys");
    let workers = workers().expect("threads");
    let t = Instant::now();
    let mut height = state.height().map_or(0, |h| h + 1);
    for first in (0..keys).step_by(100_000) {
        let some = (first..keys.min(first + 100_000)).map(|i| (key(i), Some(Value::from([1; 16])))).collect();
        state.commit(height, some, Batch::new()).expect("commits");
        height += 1;
    }
    println!("  fill                                 {:>10.1?}", t.elapsed());
    let mut picks = Picks(88172645463325252);
    let (mut prepare, mut write, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    let (mut root_work, mut write_work) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..15 {
        let some = changes(&mut picks, 20_000, keys);
        let (t, p) = (Instant::now(), processor());
        let prepared = workers.install(|| state.prepare(some)).expect("prepares");
        prepare.push(t.elapsed());
        root_work += processor() - p;
        let (t, p) = (Instant::now(), processor());
        state.commit_prepared(height, prepared, Batch::new()).expect("commits");
        write.push(t.elapsed());
        write_work += processor() - p;
        height += 1;
    }
    println!("  20,000 changes: root                 {}   processor {:?} each", median(prepare), root_work / 15);
    println!("  20,000 changes: write                {}   processor {:?} each", median(write), write_work / 15);
    for _ in 0..50 {
        let some = changes(&mut picks, 3, keys);
        let t = Instant::now();
        state.commit(height, some, Batch::new()).expect("commits");
        empty.push(t.elapsed());
        height += 1;
    }
    println!("  3 changes: root and write            {}", median(empty));
    let some: Vec<Key> = (0..200_000).map(|_| key(picks.next(keys))).collect();
    for pass in ["first", "again"] {
        let t = Instant::now();
        some.iter().for_each(|k| drop(state.get(k).expect("reads")));
        println!("  get of 200,000 random keys, {pass}    {}", per(t, 200_000));
    }
    let t = Instant::now();
    some.iter().take(2_000).for_each(|k| drop(state.prove(k).expect("proves")));
    println!("  proof                                {}", per(t, 2_000));
    let t = Instant::now();
    for _ in 0..100_000 {
        let snapshot = state.snapshot();
        state.revert_to(snapshot).expect("reverts");
        state.release(snapshot).expect("releases");
    }
    println!("  snapshot, revert, release: nothing   {}", per(t, 100_000));
    let snapshot = state.snapshot();
    let t = Instant::now();
    state.commit(height, changes(&mut picks, 1000, keys), Batch::new()).expect("commits");
    println!("  1,000 changes under a snapshot       {:>10.1?}", t.elapsed());
    let t = Instant::now();
    state.revert_to(snapshot).expect("reverts");
    println!("  revert of 1,000 changes              {:>10.1?}", t.elapsed());
    state.release(snapshot).expect("releases");
    state
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().map(|e| if e.path().is_dir() { size(&e.path()) } else { allocated(&e.path()) }).sum()
}

#[cfg(unix)]
fn allocated(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    path.metadata().map_or(0, |m| m.blocks() * 512)
}

#[cfg(not(unix))]
fn allocated(path: &Path) -> u64 {
    path.metadata().map_or(0, |m| m.len())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let keys = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    commitment(keys);
    let state = run("memory", State::memory(), keys);
    overlay(&state, keys);
    drop(state);
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join(format!("detent-figures-{}", std::process::id())), Into::into);
    let t = Instant::now();
    let state = State::open(&folder, Options::default()).expect("opens");
    println!("\nmake a store                           {:>10.1?}", t.elapsed());
    let state = run("disk", state, keys);
    let root = state.root();
    let t = Instant::now();
    drop(state);
    println!("  close                                {:>10.1?}", t.elapsed());
    let t = Instant::now();
    let state = State::open(&folder, Options::default()).expect("opens");
    println!("  open                                 {:>10.1?}", t.elapsed());
    assert_eq!(state.root(), root);
    let mut picks = Picks(7);
    let t = Instant::now();
    (0..50_000).for_each(|_| drop(state.get(&key(picks.next(keys))).expect("reads")));
    println!("  get of random keys, cold caches      {}", per(t, 50_000));
    drop(state);
    println!("  size                                 {:>8} MB", size(&folder) >> 20);
    let _ = std::fs::remove_dir_all(&folder);
}
