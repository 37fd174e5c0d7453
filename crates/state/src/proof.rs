//! [`Proof`]: that a key has a value, or has none, under a root.

use crate::node::{Child, Hash, Leaf, Node, Path, inner_hash, lone, nibble};
use crate::tree::corrupted;
use crate::{Blake3, Commitment, Digest, EMPTY, NodeStore, Root};
use detent_protocol::{Code, Fault};
use std::marker::PhantomData;

/// A Merkle proof for one key hash, of presence or absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof<D = Blake3> {
    /// The leaf at the end of the key's path: the key's own, another's (so the key is absent), or none.
    pub leaf: Option<Leaf>,
    /// The other halves, from the leaf upwards.
    pub siblings: Vec<Hash>,
    digest: PhantomData<D>,
}

impl<D: Digest> Proof<D> {
    /// A proof received from elsewhere; [`Proof::verify`] judges it.
    pub fn new(leaf: Option<Leaf>, siblings: Vec<Hash>) -> Proof<D> {
        Proof { leaf, siblings, digest: PhantomData }
    }

    /// The proof for a key hash from stored nodes. Fault: the store's, or `store_corrupted`.
    pub fn of(commitment: &Commitment<D>, nodes: &impl NodeStore, key_hash: &Hash) -> Result<Proof<D>, Fault> {
        let (mut path, mut child, mut siblings) = (Path::default(), *commitment.top(), Vec::new());
        while let Child::Inner(_) = child {
            let row = nodes.node(&path)?.ok_or_else(|| corrupted("a node of the commitment is missing"))?;
            let node = Node::decode(&row)?;
            let at = nibble(key_hash, path.len());
            // Four binary steps; a half that holds one leaf or none ends the way.
            let mut half: &[Child] = &node.children;
            loop {
                if let Some(end) = lone(half) {
                    child = end;
                    break;
                }
                let [only] = half else {
                    let bit = half.len() / 2;
                    let (left, right) = half.split_at(bit);
                    let (mine, other) = if usize::from(at) & bit == 0 { (left, right) } else { (right, left) };
                    siblings.push(Node::fold::<D>(other).hash());
                    half = mine;
                    continue;
                };
                child = *only;
                break;
            }
            if path.len() >= 64 {
                return Err(corrupted("the commitment is deeper than its keys"));
            }
            path = path.child(at);
        }
        siblings.reverse();
        let leaf = if let Child::Leaf(leaf) = child { Some(leaf) } else { None };
        Ok(Proof::new(leaf, siblings))
    }

    /// Checks that under `root` the key has this value (`Some`), or is absent (`None`). Fault `proof_invalid` with the reason.
    pub fn verify(&self, root: &Root, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        self.verify_hashed(root, &D::hash(&[key]), value.map(|v| D::hash(&[v])).as_ref())
    }

    /// [`Proof::verify`] for a key and a value given by their hashes.
    pub fn verify_hashed(&self, root: &Root, key_hash: &Hash, value_hash: Option<&Hash>) -> Result<(), Fault> {
        let invalid = |why: &str| Err(Fault::new(Code::ProofInvalid, why));
        if self.siblings.len() > 256 {
            return invalid("more siblings than a key has bits");
        }
        match (value_hash, &self.leaf) {
            (Some(_), None) => return invalid("the key is absent"),
            (Some(_), Some(leaf)) if leaf.key_hash != *key_hash => return invalid("the proof is for another key"),
            (Some(value), Some(leaf)) if leaf.value_hash != *value => return invalid("the value is another"),
            (None, Some(leaf)) if leaf.key_hash == *key_hash => return invalid("the key is present"),
            (None, Some(leaf)) if common_bits(&leaf.key_hash, key_hash) < self.siblings.len() => {
                return invalid("the other leaf does not lie on the key's path");
            }
            _ => {}
        }
        let start = self.leaf.map_or(EMPTY, |leaf| leaf.hash::<D>());
        let depth = self.siblings.len();
        let computed = self.siblings.iter().enumerate().fold(start, |hash, (i, sibling)| {
            if bit(key_hash, depth - 1 - i) { inner_hash::<D>(sibling, &hash) } else { inner_hash::<D>(&hash, sibling) }
        });
        if computed == *root { Ok(()) } else { invalid("the hashes do not lead to the root") }
    }
}

fn bit(hash: &Hash, index: usize) -> bool {
    hash.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1)
}

fn common_bits(a: &Hash, b: &Hash) -> usize {
    let equal = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    equal * 8 + a.get(equal).zip(b.get(equal)).map_or(0, |(x, y)| (x ^ y).leading_zeros() as usize)
}
