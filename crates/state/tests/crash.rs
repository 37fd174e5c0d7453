//! Killing the process at random moments, tearing the newest bytes, and filling the disk: the last acknowledged block
//! stays, whole. The child is this test binary again, running `child_commits_blocks`.

use detent_protocol::Code;
use detent_state::{Batch, Blake3, Digest, Key, Options, Root, State, Table, Value};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "DETENT_TEST_STORE";
const LAST: &str = "DETENT_TEST_LAST";
/// Keys that each block writes, and keys in all: every block overwrites most of the one before.
const CHANGES: u64 = 120;
const KEYS: u64 = 150;

fn options() -> Options {
    Options { value_cache: 1 << 16, node_cache: 1 << 16, store_cache: 1 << 20 }
}

fn key(n: u64) -> Key {
    Key::account(&Blake3::hash(&[&n.to_le_bytes()]))
}

/// Values big enough that tables go to disk and merge while blocks are killed.
fn value(height: u64, n: u64) -> Value {
    Value::from([height.to_le_bytes(), n.to_le_bytes()].concat().repeat(40))
}

fn commit(state: &mut State, height: u64) -> Result<Root, detent_protocol::Fault> {
    let changes = (0..CHANGES).map(|i| (height * 31 + i) % KEYS).map(|n| (key(n), Some(value(height, n)))).collect();
    let prepared = state.prepare(changes)?;
    let mut rows = Batch::new();
    rows.put(Table::Blocks, height.to_be_bytes(), prepared.root());
    rows.put(Table::Receipts, height.to_be_bytes(), vec![height as u8; 3000]);
    state.commit_prepared(height, prepared, rows)
}

/// Opens the store and checks that it is exactly the state after its last block. Gives that block.
fn check(path: &Path) -> Option<u64> {
    let state = State::open(path, options()).unwrap();
    let last = state.height();
    let expected: std::collections::BTreeMap<Key, Value> = (0..=last.unwrap_or(0))
        .filter(|_| last.is_some())
        .flat_map(|height| (0..CHANGES).map(move |i| (height * 31 + i) % KEYS).map(move |n| (key(n), value(height, n))))
        .collect();
    assert_eq!(
        state.reader().scan(None, usize::MAX).unwrap(),
        expected.clone().into_iter().collect::<Vec<_>>(),
        "values of block {last:?}"
    );
    let changes = expected.into_iter().map(|(k, v)| (k, Some(v))).collect();
    assert_eq!(state.root(), State::memory().prepare(changes).unwrap().root(), "root of block {last:?}");
    let blocks = state.table(Table::Blocks).scan(&[], usize::MAX).unwrap();
    let heights: Vec<u64> = blocks.iter().map(|(k, _)| u64::from_be_bytes(k[..].try_into().unwrap())).collect();
    assert_eq!(heights, (0..=last.unwrap_or(0)).filter(|_| last.is_some()).collect::<Vec<_>>(), "every block up to the last, none after");
    if let Some((_, root)) = blocks.last() {
        assert_eq!(root[..], state.root());
    }
    state.reader().verify().unwrap();
    assert_eq!(state.table(Table::Receipts).scan(&[], usize::MAX).unwrap().len(), heights.len());
    state.prove(&key(3)).unwrap().verify(&state.root(), key(3).as_bytes(), state.get(&key(3)).unwrap().as_deref()).unwrap();
    last
}

/// Not a test by itself: what the children run.
#[test]
#[ignore = "run by the other tests as a child process"]
fn child_commits_blocks() {
    let Some(path) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let last: u64 = std::env::var(LAST).ok().and_then(|n| n.parse().ok()).unwrap_or(u64::MAX);
    let mut state = match State::open(&path, options()) {
        Ok(state) => state,
        Err(fault) => return println!("\nfault {}", fault.code.entry().name),
    };
    println!("\nopen");
    let first = state.height().map_or(0, |h| h + 1);
    for height in first..=last {
        match commit(&mut state, height) {
            Ok(_) => println!("done {height}"),
            Err(fault) => {
                println!("fault {}", fault.code.entry().name);
                let again = commit(&mut state, height).err().map(|f| f.code.entry().name);
                println!("again {}", again.unwrap_or("committed"));
                assert!(state.reader().scan(None, usize::MAX).is_ok(), "reading goes on");
                return;
            }
        }
    }
}

fn child(path: &Path, shell: Option<&str>, last: u64) -> (Child, BufReader<ChildStdout>) {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "child_commits_blocks", "--ignored", "--nocapture", "--test-threads=1"];
    let mut command = match shell {
        Some(setup) => {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("{setup}; exec \"$@\""), "sh"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    let mut child =
        command.args(arguments).env(FOLDER, path).env(LAST, last.to_string()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn said<'a>(lines: &'a [String], word: &str) -> Option<&'a str> {
    lines.iter().rev().find_map(|l| l.strip_prefix(word)?.strip_prefix(' '))
}

#[test]
fn a_kill_at_any_moment_leaves_the_last_acknowledged_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut seed = 0x9e37_79b9_7f4a_7c15u64 ^ u64::from(std::process::id());
    println!("seed {seed}");
    let (mut before, mut grew) = (None, 0);
    for round in 0..12 {
        let (mut child, mut output) = child(&path, None, u64::MAX);
        // Some rounds die while opening, most while committing.
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mut line = String::new();
        if round % 4 != 3 {
            while output.read_line(&mut line).unwrap() > 0 && !line.starts_with("open") {
                line.clear();
            }
        }
        std::thread::sleep(Duration::from_micros(seed >> 33 & 0x3ffff));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        // A last line without its end was cut by the kill.
        let whole = &rest[..rest.rfind('\n').map_or(0, |i| i + 1)];
        let acknowledged = said(&whole.lines().map(String::from).collect::<Vec<_>>(), "done").map(|n| n.parse::<u64>().unwrap());
        let found = check(&path);
        assert!(found >= acknowledged.or(before), "round {round}: acknowledged {acknowledged:?}, had {before:?}, found {found:?}");
        assert!(found <= acknowledged.or(before).map_or(Some(0), |h| Some(h + 1)), "at most one block was under way");
        grew += usize::from(found > before);
        before = found;
    }
    assert!(grew >= 4, "the children committed something");
}

/// The newest bytes: the log's end.
fn newest_log(path: &Path) -> PathBuf {
    let mut logs: Vec<_> = std::fs::read_dir(path.join("rows"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "jnl"))
        .collect();
    logs.sort_by_key(|p| p.file_stem().and_then(|s| s.to_str()?.parse::<u64>().ok()));
    logs.pop().unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { std::fs::copy(entry.path(), target).map(drop).unwrap() }
    }
}

#[test]
fn a_torn_last_write_leaves_the_block_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut state = State::open(&path, options()).unwrap();
    let mut ends = Vec::new();
    for height in 0..6 {
        commit(&mut state, height).unwrap();
        let log = std::fs::read(newest_log(&path)).unwrap();
        ends.push(log.iter().rposition(|b| *b != 0).unwrap() + 1);
    }
    // As after a power cut: the files as they are while the store is open.
    let image = folder.path().join("image");
    copy(&path, &image);
    drop(state);
    let (whole, before) = (ends[5], ends[4]);
    let cuts = [before + 1, before + 20, (before + whole) / 2, whole - 20, whole - 1];
    for (i, cut) in cuts.into_iter().enumerate() {
        for (kind, tear) in [("cut", None), ("zeros", Some(0u8)), ("noise", Some(0xa5))] {
            let torn = folder.path().join(format!("torn-{i}-{kind}"));
            copy(&image, &torn);
            let log = newest_log(&torn);
            let mut bytes = std::fs::read(&log).unwrap();
            match tear {
                None => bytes.truncate(cut),
                Some(fill) => bytes[cut..whole].fill(fill),
            }
            std::fs::write(&log, bytes).unwrap();
            assert_eq!(check(&torn), Some(4), "{kind} at {cut} of {before}..{whole}");
            // And it goes on from there.
            let mut state = State::open(&torn, options()).unwrap();
            commit(&mut state, 5).unwrap();
            drop(state);
            assert_eq!(check(&torn), Some(5));
        }
    }
    assert_eq!(check(&image), Some(5), "untorn, the last block is there");
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_a_fault_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(State::open(&path, options()).unwrap());
    // No file may grow past the limit; the signal that says so is ignored, so that writes fail as on a full disk.
    // The log is made 64 MiB long at once, so the limit must be above that: values are big enough to get there.
    let (mut process, output) = child(&path, Some("trap '' XFSZ; ulimit -f 131072"), 4000);
    let lines: Vec<String> = output.lines().map(Result::unwrap).collect();
    assert!(process.wait().unwrap().success(), "no panic, no signal: {lines:?}");
    let acknowledged = said(&lines, "done").map(|n| n.parse::<u64>().unwrap());
    assert_eq!(said(&lines, "fault"), Some("store_full"), "after {acknowledged:?}");
    assert_eq!(said(&lines, "again"), Some("store_failed"), "the handle writes no more");
    let found = check(&path);
    assert!(found >= acknowledged && found <= acknowledged.map(|h| h + 1), "{acknowledged:?}, {found:?}");
    let mut state = State::open(&path, options()).unwrap();
    commit(&mut state, found.unwrap() + 1).unwrap();
}

#[test]
fn another_process_that_has_it_open_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let state = State::open(&path, options()).unwrap();
    assert_eq!(State::open(&path, options()).err().map(|f| f.code), Some(Code::StoreLocked), "the same process");
    let (mut process, output) = child(&path, None, 0);
    let lines: Vec<String> = output.lines().map(Result::unwrap).collect();
    process.wait().unwrap();
    assert_eq!(said(&lines, "fault"), Some("store_locked"));
    drop(state);
    State::open(&path, options()).unwrap();
}
