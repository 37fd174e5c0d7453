//! Damaged and hostile files: opening, reading and writing give values that were committed, or a fault. Never a panic that
//! comes out, never a wrong value that `verify` passes.

use detent_protocol::{Code, Fault};
use detent_state::{Batch, Blake3, Digest, Key, Options, Root, State, Table, Value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn options() -> Options {
    Options { value_cache: 0, node_cache: 0, store_cache: 1 << 20 }
}

fn noise(seed: u64, i: u64) -> u64 {
    u64::from_le_bytes(*Blake3::hash(&[&seed.to_le_bytes(), &i.to_le_bytes()]).first_chunk().unwrap())
}

fn key(n: u64) -> Key {
    Key::account(&Blake3::hash(&[&n.to_le_bytes()]))
}

fn commit(state: &mut State, height: u64) -> Result<Root, Fault> {
    let value = |n: u64| Value::from((0..100).flat_map(|i| noise(height * 1000 + n, i).to_le_bytes()).collect::<Vec<_>>());
    let changes = (0..300).map(|i| (key((height * 37 + i) % 500), Some(value(i)))).collect();
    let prepared = state.prepare(changes)?;
    let mut rows = Batch::new();
    rows.put(Table::Blocks, height.to_be_bytes(), prepared.root());
    state.commit_prepared(height, prepared, rows)
}

/// A store with rows on disk in tables, and newer ones in the log. Gives the roots by height.
fn make(path: &Path) -> Vec<Root> {
    let mut state = State::open(path, options()).unwrap();
    let roots = (0..90).map(|height| commit(&mut state, height).unwrap()).collect();
    drop(state);
    // Opening again rests until the tables of the first opening are merged; some rows stay in the log.
    let mut state = State::open(path, options()).unwrap();
    commit(&mut state, 90).unwrap();
    [roots, vec![state.root()]].concat()
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // The log is mostly a hole; keep it one.
            let bytes = std::fs::read(entry.path()).unwrap();
            let used = bytes.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
            std::fs::write(&target, &bytes[..used]).unwrap();
            std::fs::File::options().write(true).open(&target).unwrap().set_len(bytes.len() as u64).unwrap();
        }
    }
}

/// Uses a store in every way. `Ok` means that all of it was consistent and of some committed height.
fn exercise(path: &Path, roots: &[Root]) -> Result<(), Fault> {
    let mut state = State::open(path, options())?;
    state.reader().verify()?;
    let height = state.height();
    let root = height.map_or(detent_state::EMPTY_ROOT, |h| roots[h as usize]);
    assert_eq!(state.root(), root, "a consistent state that was never committed");
    for n in 0..20 {
        let value = state.get(&key(n))?;
        state.prove(&key(n))?.verify(&root, key(n).as_bytes(), value.as_deref())?;
    }
    state.table(Table::Blocks).scan(&[], 1000)?;
    let next = height.map_or(0, |h| h + 1);
    commit(&mut state, next).map(drop)
}

fn without_panic(path: &Path, roots: &[Root], what: &str) -> Option<Code> {
    let outcome = catch_unwind(AssertUnwindSafe(|| exercise(path, roots)));
    outcome.unwrap_or_else(|_| panic!("{what}: a panic came out")).err().map(|fault| {
        assert!(!fault.to_string().is_empty());
        fault.code
    })
}

#[test]
fn damaged_files_are_faults_never_panics_or_wrong_values() {
    let folder = tempfile::tempdir().unwrap();
    let (good, work) = (folder.path().join("good"), folder.path().join("work"));
    let roots = make(&good);
    assert_eq!(
        without_panic(
            &{
                copy(&good, &work);
                work.clone()
            },
            &roots,
            "untouched"
        ),
        None
    );
    let all = files(&good);
    assert!(all.len() > 20, "tables are on disk, not only in the log: {}", all.len());
    let (mut faults, mut survived) = (0, 0);
    for (f, file) in all.iter().enumerate() {
        let relative = file.strip_prefix(&good).unwrap();
        let length = std::fs::metadata(file).unwrap().len();
        let used = std::fs::read(file).unwrap().iter().rposition(|b| *b != 0).map_or(0, |i| i as u64 + 1);
        // Half of the damages for each file, in turn.
        for kind in (0..6u64).filter(|kind| (kind + f as u64).is_multiple_of(2)) {
            std::fs::remove_dir_all(&work).unwrap();
            copy(&good, &work);
            let target = work.join(relative);
            let at = noise(f as u64, kind) % used.max(1);
            let mut bytes = std::fs::read(&target).unwrap();
            match kind {
                0 => bytes.clear(),
                1 => bytes.truncate(at as usize),
                2 => bytes.get_mut(at as usize).into_iter().for_each(|b| *b ^= 0x40),
                // Lengths and counts become huge.
                3 => bytes.iter_mut().skip(at as usize).take(16).for_each(|b| *b = 0xff),
                4 => bytes.iter_mut().take(used as usize).enumerate().for_each(|(i, b)| *b = noise(7, i as u64) as u8),
                _ => {
                    std::fs::remove_file(&target).unwrap();
                    bytes.clear();
                }
            }
            if kind != 5 {
                std::fs::write(&target, &bytes).unwrap();
            }
            let what = format!("{} of {length} bytes, damage {kind} at {at}", relative.display());
            match without_panic(&work, &roots, &what) {
                Some(_) => faults += 1,
                None => survived += 1,
            }
        }
    }
    println!("{} files: {faults} faults, {survived} damages without effect or back to an earlier block", all.len());
    assert!(faults > survived, "damage is noticed: {faults} faults, {survived} without");
}

#[test]
fn a_file_in_the_place_of_a_store_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("empty", vec![]), ("noise", (0..5000).map(|i| noise(1, i) as u8).collect::<Vec<_>>())] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(State::open(&path, options()).err().map(|f| f.code), Some(Code::StoreForeign));
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "left alone");
    }
}
