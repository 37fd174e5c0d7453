//! The commitment against the third-party Jellyfish vectors: every root, every proof, both hashers.

use detent_state::{Blake3, Commitment, Digest, EMPTY_ROOT, Hash, Leaf, LeafChange, NodeStore, Path, Proof, inner_hash};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

struct Sha256;

impl Digest for Sha256 {
    fn hash(parts: &[&[u8]]) -> Hash {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        parts.iter().for_each(|p| hasher.update(p));
        hasher.finalize().into()
    }
}

#[derive(Default)]
struct Nodes(BTreeMap<Path, Arc<[u8]>>);

impl NodeStore for Nodes {
    fn node(&self, path: &Path) -> Result<Option<Arc<[u8]>>, detent_protocol::Fault> {
        Ok(self.0.get(path).cloned())
    }
}

impl Nodes {
    fn write(&mut self, writes: Vec<(Path, Option<Arc<[u8]>>)>) {
        for (path, row) in writes {
            match row {
                Some(row) => self.0.insert(path, row),
                None => self.0.remove(&path),
            };
        }
    }
}

/// The vectors' folder: `DETENT_VECTORS`, else beside the repository. Missing is an error under `CI` and a skip elsewhere.
fn vectors(name: &str) -> Option<Json> {
    let fallback = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors"));
    let file = std::env::var_os("DETENT_VECTORS").map_or_else(fallback, PathBuf::from).join(name);
    match std::fs::read(&file) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) if std::env::var_os("CI").is_none() => {
            println!("skipped: no vectors at {}; set DETENT_VECTORS", file.display());
            None
        }
        Err(error) => panic!("no vectors at {}: {error}", file.display()),
    }
}

fn unhex(text: &Json) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn hash_of(text: &Json) -> Hash {
    unhex(text).try_into().unwrap()
}

/// A sibling as the vectors write it: nothing, a leaf, or an inner node with both halves.
fn sibling<D: Digest>(json: &Json) -> Hash {
    if json == "Null" {
        EMPTY_ROOT
    } else if let Some(inner) = json.get("Internal") {
        inner_hash::<D>(&hash_of(&inner["left_child"]), &hash_of(&inner["right_child"]))
    } else {
        leaf(&json["Leaf"]).hash::<D>()
    }
}

fn leaf(json: &Json) -> Leaf {
    Leaf { key_hash: hash_of(&json["key_hash"]), value_hash: hash_of(&json["value_hash"]) }
}

fn run<D: Digest>(group: &Json) -> (usize, usize) {
    let (mut roots, mut proofs) = (0, 0);
    for run in group["runs"].as_array().unwrap() {
        let name = run["name"].as_str().unwrap();
        let hashed = run["keys_are_key_hashes"].as_bool().unwrap();
        let key_hash = |key: &Json| if hashed { hash_of(key) } else { D::hash(&[&unhex(key)]) };
        let (mut nodes, mut tree) = (Nodes::default(), Commitment::<D>::default());
        for version in run["versions"].as_array().unwrap() {
            let changes = version["ops"].as_array().unwrap().iter().map(|op| LeafChange {
                key_hash: key_hash(&op["key"]),
                value_hash: (!op["value"].is_null()).then(|| D::hash(&[&unhex(&op["value"])])),
            });
            let writes = tree.apply(&nodes, changes.collect()).unwrap();
            nodes.write(writes);
            assert_eq!(tree.root(), hash_of(&version["root"]), "{name}, version {}", version["version"]);
            assert_eq!(Commitment::<D>::decode(&tree.encode()).unwrap().root(), tree.root());
            roots += 1;
        }
        for case in run.get("proofs_at_final_version").and_then(Json::as_array).into_iter().flatten() {
            let key_hash = key_hash(&case["key"]);
            assert_eq!(key_hash, hash_of(&case["key_hash"]));
            let expected = Proof::<D>::new(
                (!case["proof"]["leaf"].is_null()).then(|| leaf(&case["proof"]["leaf"])),
                case["proof"]["siblings"].as_array().unwrap().iter().map(sibling::<D>).collect(),
            );
            let ours = Proof::of(&tree, &nodes, &key_hash).unwrap();
            assert_eq!((ours.leaf, &ours.siblings), (expected.leaf, &expected.siblings), "{name}");
            let value_hash = (!case["value"].is_null()).then(|| D::hash(&[&unhex(&case["value"])]));
            expected.verify_hashed(&tree.root(), &key_hash, value_hash.as_ref()).unwrap();
            // The same proof proves nothing else.
            let other = if value_hash.is_some() { None } else { Some([7; 32]) };
            assert!(expected.verify_hashed(&tree.root(), &key_hash, other.as_ref()).is_err(), "{name}");
            assert!(expected.verify_hashed(&tree.root(), &key_hash, Some(&[7; 32])).is_err(), "{name}");
            proofs += 1;
        }
    }
    (roots, proofs)
}

#[test]
fn every_generated_root_and_proof_is_met() {
    let Some(file) = vectors("jmt/jmt-0.12-generated.json") else { return };
    assert_eq!(hash_of(&file["empty_tree_root"]), EMPTY_ROOT);
    let (mut roots, mut proofs) = (0, 0);
    for group in file["groups"].as_array().unwrap() {
        let (r, p) = match group["hasher"].as_str().unwrap() {
            "sha256" => run::<Sha256>(group),
            "blake3" => run::<Blake3>(group),
            other => panic!("unknown hasher {other}"),
        };
        roots += r;
        proofs += p;
    }
    assert_eq!((roots, proofs), (100, 100));
}

#[test]
fn the_published_sha256_roots_are_met() {
    let Some(file) = vectors("jmt/jmt_sha2_256_vectors.json") else { return };
    let vectors = file["vectors"].as_array().unwrap();
    for vector in vectors {
        let changes = vector["data"].as_array().unwrap().iter().map(|entry| LeafChange {
            key_hash: Sha256::hash(&[&unhex(&entry["key"])]),
            value_hash: Some(Sha256::hash(&[&unhex(&entry["value"])])),
        });
        let mut tree = Commitment::<Sha256>::default();
        tree.apply(&Nodes::default(), changes.collect()).unwrap();
        assert_eq!(tree.root(), hash_of(&vector["expected_root"]));
    }
    assert_eq!(vectors.len(), 3);
}
