//! The overlay against a stack of plain maps.

use detent_protocol::{Code, Fault};
use detent_state::{Change, Key, Mark, Overlay, ReadLog, StateReader, Value};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;

type Map = BTreeMap<Key, Value>;

/// A base that counts what it is asked.
#[derive(Default)]
struct Base {
    map: Map,
    asked: RefCell<Vec<Key>>,
}

impl StateReader for Base {
    fn read(&self, key: &Key) -> Result<Option<Value>, Fault> {
        self.asked.borrow_mut().push(*key);
        Ok(self.map.get(key).cloned())
    }
}

#[derive(Default)]
struct Log(Vec<(Key, Option<Vec<u8>>)>);

impl ReadLog for Log {
    fn read(&mut self, key: &Key, value: Option<&[u8]>) {
        self.0.push((*key, value.map(<[u8]>::to_vec)));
    }
}

fn key(n: u8) -> Key {
    match n % 3 {
        0 => Key::storage(&[n / 8; 32], &[n; 32]),
        1 => Key::account(&[n; 32]),
        _ => Key::code(&[n; 32]),
    }
}

#[derive(Clone, Debug)]
enum Op {
    Get(u8),
    Set(u8, Vec<u8>),
    Delete(u8),
    Open,
    Revert(u8),
    Commit(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let n = 0u8..24;
    prop_oneof![
        3 => n.clone().prop_map(Op::Get),
        4 => (n.clone(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(k, v)| Op::Set(k, v)),
        2 => n.prop_map(Op::Delete),
        2 => Just(Op::Open),
        // How many scopes to close at once, from the inside.
        1 => (0u8..3).prop_map(Op::Revert),
        1 => (0u8..3).prop_map(Op::Commit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nested_undo_equals_a_stack_of_maps(present in prop::collection::vec((0u8..24, any::<[u8; 4]>()), 0..12), ops in prop::collection::vec(op(), 0..120)) {
        let base = Base { map: present.iter().map(|(k, v)| (key(*k), Value::new(v))).collect(), ..Base::default() };
        let start = base.map.clone();
        let mut overlay = Overlay::logged(base, Log::default());
        let mut marks: Vec<Mark> = Vec::new();
        // The map at the bottom, and copies taken at each open checkpoint.
        let (mut now, mut saved): (Map, Vec<Map>) = (start.clone(), Vec::new());
        let mut read = std::collections::BTreeSet::new();
        for op in ops {
            match op {
                Op::Get(k) => {
                    prop_assert_eq!(overlay.get(&key(k)).unwrap(), now.get(&key(k)).map(|v| &v[..]));
                }
                Op::Set(k, v) => {
                    overlay.set(&key(k), &v).unwrap();
                    now.insert(key(k), Value::new(&v));
                }
                Op::Delete(k) => {
                    overlay.delete(&key(k)).unwrap();
                    now.remove(&key(k));
                }
                Op::Open => {
                    marks.push(overlay.checkpoint());
                    saved.push(now.clone());
                }
                Op::Revert(n) if marks.len() > n.into() => {
                    let at = marks.len() - 1 - usize::from(n);
                    let mut closed = marks.split_off(at);
                    overlay.revert(closed.remove(0));
                    now = saved.split_off(at).remove(0);
                    // Inner marks are closed with it and do nothing now.
                    closed.into_iter().for_each(|mark| overlay.revert(mark));
                }
                Op::Commit(n) if marks.len() > n.into() => {
                    let at = marks.len() - 1 - usize::from(n);
                    let mut closed = marks.split_off(at);
                    overlay.commit(closed.remove(0));
                    saved.truncate(at);
                    closed.into_iter().for_each(|mark| overlay.commit(mark));
                }
                Op::Revert(_) | Op::Commit(_) => {}
            }
        }
        for k in 0..24 {
            prop_assert_eq!(overlay.get(&key(k)).unwrap(), now.get(&key(k)).map(|v| &v[..]));
        }
        // The read log is what the base was asked, each key once and with the base's value.
        let asked = overlay.base().asked.borrow().clone();
        prop_assert_eq!(&asked, &overlay.log().0.iter().map(|(k, _)| *k).collect::<Vec<_>>());
        for (k, v) in &overlay.log().0 {
            prop_assert!(read.insert(*k), "asked once a key");
            prop_assert_eq!(v.as_deref(), start.get(k).map(|v| &v[..]));
        }
        let changes = overlay.drain_sorted();
        prop_assert!(changes.windows(2).all(|w| w[0].0 < w[1].0), "sorted, each key once");
        let mut end = start;
        for (k, v) in changes {
            match v {
                Some(v) => end.insert(k, v),
                None => end.remove(&k),
            };
        }
        prop_assert_eq!(end, now);
        prop_assert!(overlay.is_empty());
    }
}

#[test]
fn a_write_asks_the_base_nothing() {
    let mut overlay = Overlay::over(Base::default());
    let mark = overlay.checkpoint();
    overlay.set(&key(1), b"x").unwrap();
    overlay.delete(&key(2)).unwrap();
    overlay.revert(mark);
    assert!(overlay.base().asked.borrow().is_empty());
    assert_eq!(overlay.get(&key(1)).unwrap(), None);
    assert_eq!(*overlay.base().asked.borrow(), [key(1)], "after the revert the base is asked");
    assert_eq!(overlay.drain_sorted(), Vec::<Change>::new(), "a reverted write is no change");
}

#[test]
fn order_of_writes_does_not_show_in_the_drain() {
    let drain = |order: &mut dyn Iterator<Item = u16>| {
        let mut overlay = Overlay::over(Base::default());
        for i in order {
            overlay.set(&Key::storage(&[(i % 7) as u8; 32], &[(i % 251) as u8; 32]), &(i % 251).to_le_bytes()).unwrap();
        }
        overlay.drain_sorted()
    };
    let forwards = drain(&mut (0..251));
    assert_eq!(forwards.len(), 251);
    assert_eq!(forwards, drain(&mut (0..251).rev()));
}

#[test]
fn a_fault_of_the_base_comes_out_and_is_not_remembered() {
    struct Flaky(RefCell<bool>);
    impl StateReader for Flaky {
        fn read(&self, _: &Key) -> Result<Option<Value>, Fault> {
            if self.0.replace(false) { Err(Fault::new(Code::StoreIo, "once")) } else { Ok(Some(Value::new(b"fine"))) }
        }
    }
    let mut overlay = Overlay::over(Flaky(RefCell::new(true)));
    assert_eq!(overlay.get(&key(1)).err().map(|f| f.code), Some(Code::StoreIo));
    assert_eq!(overlay.get(&key(1)).unwrap(), Some(&b"fine"[..]));
}
