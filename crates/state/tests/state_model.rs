//! The whole state against a model: values, tables, roots, readers, snapshots; in memory and on disk, with and without caches.

use detent_protocol::Code;
use detent_state::{Batch, Change, EMPTY_ROOT, Key, Options, Reader, Root, SnapshotId, State, Table, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn key(n: u8) -> Key {
    if n.is_multiple_of(2) { Key::account(&[n; 32]) } else { Key::storage(&[n % 5; 32], &[n; 32]) }
}

#[derive(Clone, Debug)]
enum Op {
    Commit(Vec<(u8, Option<Vec<u8>>)>, Vec<(u8, Option<u8>)>),
    Read(u8),
    KeepReader,
    Snapshot,
    Revert(u8),
    Release(u8),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let change = (0u8..40, prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..50)));
    let row = (0u8..6, prop::option::weighted(0.7, any::<u8>()));
    prop_oneof![
        6 => (prop::collection::vec(change, 0..25), prop::collection::vec(row, 0..5)).prop_map(|(c, r)| Op::Commit(c, r)),
        4 => (0u8..40).prop_map(Op::Read),
        2 => Just(Op::KeepReader),
        2 => Just(Op::Snapshot),
        2 => any::<u8>().prop_map(Op::Revert),
        1 => any::<u8>().prop_map(Op::Release),
        1 => Just(Op::Reopen),
    ]
}

/// What the state should be.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    values: BTreeMap<Key, Value>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    height: Option<u64>,
}

/// The root of a model, from an empty state.
fn root_of(model: &Model) -> Root {
    let changes = model.values.iter().map(|(k, v)| (*k, Some(v.clone()))).collect();
    State::memory().prepare(changes).unwrap().root()
}

fn check(reader: &Reader, model: &Model) {
    assert_eq!(reader.height(), model.height);
    assert_eq!(reader.root(), root_of(model));
    for n in 0..40 {
        assert_eq!(reader.get(&key(n)).unwrap(), model.values.get(&key(n)).cloned());
    }
    for n in (0..40).step_by(7) {
        let value = model.values.get(&key(n)).map(|v| &v[..]);
        reader.prove(&key(n)).unwrap().verify(&reader.root(), key(n).as_bytes(), value).unwrap();
    }
    assert_eq!(reader.scan(None, 100).unwrap(), model.values.clone().into_iter().collect::<Vec<_>>());
    let rows: Vec<_> = reader.table(Table::Receipts).scan(&[], 100).unwrap().into_iter().map(|(k, v)| (k, v.to_vec())).collect();
    assert_eq!(rows, model.rows.clone().into_iter().collect::<Vec<_>>());
    assert_eq!(reader.table(Table::Receipts).last().unwrap().map(|(k, _)| k), model.rows.keys().last().cloned());
}

fn play(mut state: State, reopen: impl Fn(State) -> State, ops: &[Op]) -> Root {
    let mut now = Model::default();
    let mut readers: Vec<(Reader, Model)> = Vec::new();
    let mut snapshots: Vec<(SnapshotId, Model)> = Vec::new();
    let mut height = 0;
    for op in ops {
        match op.clone() {
            Op::Commit(changes, rows) => {
                height += 1;
                let mut batch = Batch::new();
                for (k, v) in rows {
                    match v {
                        Some(v) => {
                            batch.put(Table::Receipts, [k], [v]);
                            now.rows.insert(vec![k], vec![v]);
                        }
                        None => {
                            batch.delete(Table::Receipts, [k]);
                            now.rows.remove(&vec![k]);
                        }
                    }
                }
                let changes: Vec<Change> = changes.into_iter().map(|(k, v)| (key(k), v.map(Value::from))).collect();
                for (k, v) in &changes {
                    match v {
                        Some(v) => now.values.insert(*k, v.clone()),
                        None => now.values.remove(k),
                    };
                }
                now.height = Some(height);
                let root = state.commit(height, changes, batch).unwrap();
                assert_eq!(root, root_of(&now));
            }
            Op::Read(n) => assert_eq!(state.get(&key(n)).unwrap(), now.values.get(&key(n)).cloned()),
            Op::KeepReader => readers.push((state.reader(), now.clone())),
            Op::Snapshot => snapshots.push((state.snapshot(), now.clone())),
            Op::Revert(n) if !snapshots.is_empty() => {
                let at = usize::from(n) % snapshots.len();
                let later = snapshots.split_off(at + 1);
                state.revert_to(snapshots[at].0).unwrap();
                now = snapshots[at].1.clone();
                for (id, _) in later {
                    assert_eq!(state.revert_to(id).err().map(|f| f.code), Some(Code::SnapshotUnknown));
                }
            }
            Op::Release(n) if !snapshots.is_empty() => {
                let (id, _) = snapshots.remove(usize::from(n) % snapshots.len());
                state.release(id).unwrap();
                assert_eq!(state.revert_to(id).err().map(|f| f.code), Some(Code::SnapshotUnknown));
            }
            Op::Reopen => {
                readers.clear();
                snapshots.clear();
                state = reopen(state);
            }
            Op::Revert(_) | Op::Release(_) => {}
        }
        assert_eq!((state.root(), state.height()), (root_of(&now), now.height));
    }
    check(&state.reader(), &now);
    // Readers taken earlier still show what they showed.
    for (reader, then) in &readers {
        check(reader, then);
    }
    state.root()
}

fn options(cache: u64) -> Options {
    Options { value_cache: cache, node_cache: cache, store_cache: 1 << 20 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn in_memory_the_state_is_its_model(ops in prop::collection::vec(op(), 1..40)) {
        play(State::memory(), |state| state, &ops_without_reopen(&ops));
    }

    #[test]
    fn no_cache_size_changes_a_result(ops in prop::collection::vec(op(), 1..40)) {
        let ops = ops_without_reopen(&ops);
        let roots = [0, 1000, 4000, 1 << 20].map(|cache| {
            play(State::over(Box::new(detent_state::Memory::new()), options(cache)).unwrap(), |state| state, &ops)
        });
        prop_assert!(roots.iter().all(|r| *r == roots[0]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn on_disk_the_state_is_its_model_across_openings(ops in prop::collection::vec(op(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let open = || State::open(&path, options(2000)).unwrap();
        let reopen = |state: State| { drop(state); open() };
        let disk = play(open(), reopen, &ops);
        prop_assert_eq!(disk, play(State::memory(), |state| state, &ops_forgetting(&ops)));
    }
}

/// Memory has no second opening.
fn ops_without_reopen(ops: &[Op]) -> Vec<Op> {
    ops.iter().filter(|op| !matches!(op, Op::Reopen)).cloned().collect()
}

/// In memory a reopening only forgets snapshots, which the player does by itself.
fn ops_forgetting(ops: &[Op]) -> Vec<Op> {
    ops.to_vec()
}

#[test]
fn what_a_commit_refuses_leaves_no_trace() {
    let mut state = State::memory();
    let change = |n| vec![(key(n), Some(Value::new(b"v")))];
    state.commit(5, change(1), Batch::new()).unwrap();
    let root = state.root();
    for height in [0, 4, 5] {
        assert_eq!(state.commit(height, change(2), Batch::new()).err().map(|f| f.code), Some(Code::CommitOrder));
    }
    for table in [Table::State, Table::Nodes, Table::Head] {
        let mut batch = Batch::new();
        batch.put(table, *b"k", *b"v");
        assert_eq!(state.commit(6, change(2), batch).err().map(|f| f.code), Some(Code::TableReserved));
    }
    let early = state.prepare(change(3)).unwrap();
    let other = state.prepare(change(4)).unwrap();
    assert_eq!((state.root(), state.height()), (root, Some(5)), "preparing commits nothing");
    state.commit_prepared(6, other, Batch::new()).unwrap();
    assert_eq!(state.commit_prepared(7, early, Batch::new()).err().map(|f| f.code), Some(Code::CommitOrder));
    assert_eq!(state.get(&key(2)).unwrap(), None);
    assert_eq!(state.get(&key(3)).unwrap(), None);
    state.commit(7, vec![(key(1), None), (key(4), None)], Batch::new()).unwrap();
    assert_eq!(state.root(), EMPTY_ROOT);
}

#[test]
fn a_reader_in_another_thread_never_sees_half_a_commit() {
    // Two keys always change together; a reader that sees them differ saw half a commit.
    let mut state = State::over(Box::new(detent_state::Memory::new()), options(3000)).unwrap();
    let (sender, readers) = std::sync::mpsc::sync_channel::<Reader>(4);
    let watcher = std::thread::spawn(move || {
        let mut seen = 0;
        for reader in readers {
            for _ in 0..20 {
                let (a, b) = (reader.get(&key(1)).unwrap(), reader.get(&key(2)).unwrap());
                assert_eq!(a, b);
                assert_eq!(a.as_deref(), reader.height().map(|h| h.to_le_bytes()).as_ref().map(|h| &h[..]));
                seen += 1;
            }
        }
        seen
    });
    for height in 0..400u64 {
        let value = Value::from(height.to_le_bytes());
        let noise = (3..40).map(|n| (key(n), Some(value.clone())));
        state
            .commit(height, [(key(1), Some(value.clone())), (key(2), Some(value.clone()))].into_iter().chain(noise).collect(), Batch::new())
            .unwrap();
        sender.send(state.reader()).unwrap();
    }
    drop(sender);
    assert_eq!(watcher.join().unwrap(), 8000);
}
