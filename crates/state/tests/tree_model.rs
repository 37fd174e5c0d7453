//! The batched tree against a model that recomputes everything from the live set by the written rules.

use detent_state::{Blake3, Commitment, Digest, EMPTY_ROOT, Hash, LeafChange, Node, NodeStore, Path, Proof};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
struct Nodes(BTreeMap<Path, Arc<[u8]>>);

impl NodeStore for Nodes {
    fn node(&self, path: &Path) -> Result<Option<Arc<[u8]>>, detent_protocol::Fault> {
        Ok(self.0.get(path).cloned())
    }
}

fn bit(hash: &Hash, index: usize) -> bool {
    hash[index / 8] >> (7 - index % 8) & 1 == 1
}

/// The rules, one bit at a time.
fn model(leaves: &[(Hash, Hash)], depth: usize) -> Hash {
    match leaves {
        [] => *b"SPARSE_MERKLE_PLACEHOLDER_HASH__",
        [(key, value)] => Blake3::hash(&[b"JMT::LeafNode", key, value]),
        _ => {
            let at = leaves.iter().position(|(key, _)| bit(key, depth)).unwrap_or(leaves.len());
            let (left, right) = leaves.split_at(at);
            Blake3::hash(&[b"JMT::IntrnalNode", &model(left, depth + 1), &model(right, depth + 1)])
        }
    }
}

/// Key hashes that collide in long prefixes as often as they differ early.
fn key() -> impl Strategy<Value = Hash> {
    prop_oneof![
        any::<[u8; 32]>(),
        (0u8..4, 0usize..32, 0u8..4).prop_map(|(fill, place, end)| {
            let mut key = [fill * 0x55; 32];
            key[place] ^= end;
            key
        }),
        (0u16..600).prop_map(|i| Blake3::hash(&[&i.to_le_bytes()])),
    ]
}

fn check(tree: &Commitment, nodes: &Nodes, live: &BTreeMap<Hash, Hash>) {
    let leaves: Vec<_> = live.iter().map(|(k, v)| (*k, *v)).collect();
    assert_eq!(tree.root(), model(&leaves, 0));
    // No row is left behind, none is missing: as many as an empty start would write.
    let mut fresh = Commitment::<Blake3>::default();
    let all = leaves.iter().map(|(key_hash, value_hash)| LeafChange { key_hash: *key_hash, value_hash: Some(*value_hash) });
    let rows: BTreeMap<Path, Arc<[u8]>> =
        fresh.apply(&Nodes::default(), all.collect()).unwrap().into_iter().map(|(p, r)| (p, r.unwrap())).collect();
    assert_eq!(rows, nodes.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_root_and_the_rows_depend_only_on_the_live_set(
        batches in prop::collection::vec(prop::collection::vec((key(), prop::option::weighted(0.7, any::<[u8; 32]>())), 0..40), 1..8),
        asked in prop::collection::vec(key(), 10),
    ) {
        let (mut tree, mut nodes, mut live) = (Commitment::<Blake3>::default(), Nodes::default(), BTreeMap::new());
        for batch in batches {
            for (key, value) in &batch {
                match value {
                    Some(value) => live.insert(*key, *value),
                    None => live.remove(key),
                };
            }
            let changes = batch.into_iter().map(|(key_hash, value_hash)| LeafChange { key_hash, value_hash }).collect();
            for (path, row) in tree.apply(&nodes, changes).unwrap() {
                match row {
                    Some(row) => nodes.0.insert(path, row),
                    None => nodes.0.remove(&path),
                };
            }
            check(&tree, &nodes, &live);
        }
        for key in asked.iter().chain(live.keys().take(20)) {
            let proof = Proof::of(&tree, &nodes, key).unwrap();
            prop_assert_eq!(proof.verify_hashed(&tree.root(), key, live.get(key)), Ok(()));
            if let Some(value) = live.get(key) {
                prop_assert!(proof.verify_hashed(&tree.root(), key, None).is_err());
                let mut wrong = *value;
                wrong[31] ^= 1;
                prop_assert!(proof.verify_hashed(&tree.root(), key, Some(&wrong)).is_err());
            } else {
                prop_assert!(proof.verify_hashed(&tree.root(), key, Some(&[0; 32])).is_err());
            }
        }
        let delete = live.keys().map(|key_hash| LeafChange { key_hash: *key_hash, value_hash: None }).collect();
        tree.apply(&nodes, delete).unwrap();
        prop_assert_eq!(tree.root(), EMPTY_ROOT);
    }

    #[test]
    fn no_altered_proof_verifies(seed in any::<u64>(), count in 1usize..60, ask in 0u64..80, place in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let hash = |i: u64| Blake3::hash(&[&seed.to_le_bytes(), &i.to_le_bytes()]);
        let mut nodes = Nodes::default();
        let mut tree = Commitment::<Blake3>::default();
        let all = (0..count as u64).map(|i| LeafChange { key_hash: hash(i), value_hash: Some(hash(!i)) }).collect();
        nodes.0 = tree.apply(&nodes, all).unwrap().into_iter().map(|(p, r)| (p, r.unwrap())).collect();
        let (key, value) = (hash(ask), (ask < count as u64).then(|| hash(!ask)));
        let proof: Proof = Proof::of(&tree, &nodes, &key).unwrap();
        prop_assert_eq!(proof.verify_hashed(&tree.root(), &key, value.as_ref()), Ok(()));
        for i in 0..proof.siblings.len() {
            let mut altered = proof.clone();
            altered.siblings[i][place.index(32)] ^= flip;
            prop_assert!(altered.verify_hashed(&tree.root(), &key, value.as_ref()).is_err());
            let mut short = proof.clone();
            short.siblings.remove(i);
            prop_assert!(short.verify_hashed(&tree.root(), &key, value.as_ref()).is_err());
        }
        let mut root = tree.root();
        root[place.index(32)] ^= flip;
        prop_assert!(proof.verify_hashed(&root, &key, value.as_ref()).is_err());
    }

    #[test]
    fn nodes_decode_from_any_bytes_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), head in any::<[u8; 4]>()) {
        for bytes in [bytes.clone(), [&head[..], &bytes].concat()] {
            if let Ok(node) = Node::decode(&bytes) {
                prop_assert_eq!(node.encode(), bytes);
            }
        }
    }
}

#[test]
fn threads_change_neither_root_nor_rows_nor_their_order() {
    let changes = |salt: u64, count: u64| {
        let leaf = |i: u64| LeafChange {
            key_hash: Blake3::hash(&[&i.to_le_bytes()]),
            value_hash: (i % 9 != salt % 9).then_some([salt as u8; 32]),
        };
        (0..count).map(move |i| leaf(i * (salt + 1))).collect::<Vec<_>>()
    };
    let play = || {
        let (mut tree, mut nodes, mut all) = (Commitment::<Blake3>::default(), Nodes::default(), Vec::new());
        for (salt, count) in [(0, 20_000), (1, 5_000), (2, 9_000), (3, 600)] {
            let writes = tree.apply(&nodes, changes(salt, count)).unwrap();
            for (path, row) in writes.clone() {
                match row {
                    Some(row) => nodes.0.insert(path, row),
                    None => nodes.0.remove(&path),
                };
            }
            all.push((tree.root(), writes));
        }
        all
    };
    let serial = play();
    assert!(detent_state::workers().unwrap().install(play) == serial);
}

#[test]
fn an_absent_key_is_not_proved_by_a_leaf_off_its_path() {
    // Two leaves on the left half; a claim about the right half with a leaf from the left.
    let (a, b) = ([0x00; 32], [0x40; 32]);
    let mut tree = Commitment::<Blake3>::default();
    let changes = [a, b].map(|key_hash| LeafChange { key_hash, value_hash: Some([1; 32]) }).to_vec();
    let rows = tree.apply(&Nodes::default(), changes).unwrap().into_iter().map(|(p, r)| (p, r.unwrap())).collect();
    let nodes = Nodes(rows);
    let proof = Proof::of(&tree, &nodes, &a).unwrap();
    assert!(proof.verify_hashed(&tree.root(), &b, None).is_err(), "b is present");
    let deep: Proof = Proof::new(None, vec![[0; 32]; 257]);
    assert!(deep.verify_hashed(&tree.root(), &a, None).is_err());
}

#[test]
fn a_missing_or_damaged_row_is_a_fault() {
    let mut tree = Commitment::<Blake3>::default();
    let changes: Vec<_> = (0..50u8).map(|i| LeafChange { key_hash: Blake3::hash(&[&[i]]), value_hash: Some([1; 32]) }).collect();
    tree.apply(&Nodes::default(), changes.clone()).unwrap();
    let fault = tree.clone().apply(&Nodes::default(), changes.clone()).err().unwrap();
    assert_eq!(fault.code, detent_protocol::Code::StoreCorrupted);
    let damaged = Nodes(BTreeMap::from([(Path::default(), Arc::from(&[1u8, 2, 3][..]))]));
    assert_eq!(tree.clone().apply(&damaged, changes).err().map(|f| f.code), Some(detent_protocol::Code::StoreCorrupted));
    assert!(Proof::of(&tree, &damaged, &[0; 32]).is_err());
}
