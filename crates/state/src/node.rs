//! A node of the commitment as it is stored: the subtree of depth four below a path of nibbles.

use crate::Digest;
use detent_protocol::{Code, Fault};

/// A 32-byte hash.
pub type Hash = [u8; 32];

/// The hash of an empty subtree: these bytes themselves.
pub const EMPTY: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

/// Nibbles from the root to a node: at most 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    length: u8,
    bytes: [u8; 32],
}

impl Path {
    /// Nibbles.
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether this is the root's path.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The path one nibble further down. A path of 64 nibbles has nothing below it and stays as it is.
    pub fn child(&self, nibble: u8) -> Path {
        let mut path = *self;
        let shift = if self.length.is_multiple_of(2) { 4 } else { 0 };
        if let Some(byte) = path.bytes.get_mut(self.len() / 2) {
            *byte |= (nibble & 15) << shift;
            path.length += 1;
        }
        path
    }

    /// The row's key in the store: the length, then the packed nibbles.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + 32);
        key.push(self.length);
        key.extend_from_slice(self.bytes.get(..self.len().div_ceil(2)).unwrap_or_default());
        key
    }

    /// Reads a row's key back. Fault `store_corrupted` for anything that `encode` does not write.
    pub fn decode(key: &[u8]) -> Result<Path, Fault> {
        let mut path = Path::default();
        if let Some((&length, packed)) = key.split_first() {
            path.length = length;
            if let Some(room) = path.bytes.get_mut(..packed.len()) {
                room.copy_from_slice(packed);
            }
        }
        if path.length <= 64 && path.encode() == key {
            Ok(path)
        } else {
            Err(Fault::new(Code::StoreCorrupted, "a node's path does not decode"))
        }
    }
}

/// The nibble of a key hash at a depth; 0 past the end, where nothing is asked.
pub(crate) fn nibble(hash: &Hash, depth: usize) -> u8 {
    let byte = hash.get(depth / 2).copied().unwrap_or(0);
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// A leaf: a key that is present, by its hash, and the hash of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf {
    /// Hash of the key.
    pub key_hash: Hash,
    /// Hash of the value.
    pub value_hash: Hash,
}

impl Leaf {
    /// The leaf's hash in the tree.
    #[inline]
    pub fn hash<D: Digest>(&self) -> Hash {
        D::hash(&[b"JMT::LeafNode", &self.key_hash, &self.value_hash])
    }
}

/// The hash of an inner node. The spelling is the protocol's.
#[inline]
pub fn inner_hash<D: Digest>(left: &Hash, right: &Hash) -> Hash {
    D::hash(&[b"JMT::IntrnalNode", left, right])
}

/// What hangs at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Child {
    /// Nothing.
    #[default]
    Empty,
    /// Exactly one key: the subtree is that leaf.
    Leaf(Leaf),
    /// Two or more keys: a stored node with this hash.
    Inner(Hash),
}

impl Child {
    /// The subtree's hash.
    #[inline]
    pub fn hash<D: Digest>(&self) -> Hash {
        match self {
            Child::Empty => EMPTY,
            Child::Leaf(leaf) => leaf.hash::<D>(),
            Child::Inner(hash) => *hash,
        }
    }
}

/// A subtree on its way up: its hash, and whether it may still move up alone.
#[derive(Clone, Copy)]
pub(crate) enum Folded {
    Empty,
    Leaf(Hash),
    Inner(Hash),
}

impl Folded {
    pub(crate) fn of<D: Digest>(child: &Child) -> Folded {
        match child {
            Child::Empty => Folded::Empty,
            Child::Leaf(leaf) => Folded::Leaf(leaf.hash::<D>()),
            Child::Inner(hash) => Folded::Inner(*hash),
        }
    }

    pub(crate) fn hash(self) -> Hash {
        match self {
            Folded::Empty => EMPTY,
            Folded::Leaf(hash) | Folded::Inner(hash) => hash,
        }
    }

    /// Two halves: a lone leaf moves up, everything else is hashed.
    pub(crate) fn join<D: Digest>(left: Folded, right: Folded) -> Folded {
        match (left, right) {
            (Folded::Empty, other @ (Folded::Empty | Folded::Leaf(_))) | (other @ Folded::Leaf(_), Folded::Empty) => other,
            (left, right) => Folded::Inner(inner_hash::<D>(&left.hash(), &right.hash())),
        }
    }
}

/// A stored node: sixteen children, at least two keys below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// By nibble.
    pub children: [Child; 16],
}

impl Node {
    /// The node's hash: the binary tree of depth four over its children.
    pub fn hash<D: Digest>(&self) -> Hash {
        Node::fold::<D>(&self.children).hash()
    }

    /// The subtree over a power of two of neighbouring children.
    pub(crate) fn fold<D: Digest>(children: &[Child]) -> Folded {
        match children {
            [] => Folded::Empty,
            [one] => Folded::of::<D>(one),
            more => {
                let (left, right) = more.split_at(more.len() / 2);
                Folded::join::<D>(Node::fold::<D>(left), Node::fold::<D>(right))
            }
        }
    }

    /// Two bitmaps (which children exist, which of them are leaves; little-endian), then the children in order:
    /// key hash and value hash of a leaf, hash of an inner node.
    pub fn encode(&self) -> Vec<u8> {
        let (mut present, mut leaves, mut bytes) = (0u16, 0u16, Vec::with_capacity(4 + 16 * 40));
        bytes.extend_from_slice(&[0; 4]);
        for (i, child) in self.children.iter().enumerate() {
            match child {
                Child::Empty => {}
                Child::Leaf(leaf) => {
                    present |= 1 << i;
                    leaves |= 1 << i;
                    bytes.extend_from_slice(&leaf.key_hash);
                    bytes.extend_from_slice(&leaf.value_hash);
                }
                Child::Inner(hash) => {
                    present |= 1 << i;
                    bytes.extend_from_slice(hash);
                }
            }
        }
        if let Some((head, _)) = bytes.split_first_chunk_mut::<4>() {
            let ([a, b], [c, d]) = (present.to_le_bytes(), leaves.to_le_bytes());
            *head = [a, b, c, d];
        }
        bytes
    }

    /// Reads a row. Fault `store_corrupted` unless it is exactly what `encode` writes.
    pub fn decode(bytes: &[u8]) -> Result<Node, Fault> {
        fn read(bytes: &[u8]) -> Option<Node> {
            let (&[a, b, c, d], mut rest) = bytes.split_first_chunk::<4>()?;
            let (present, leaves) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            let mut take = || -> Option<Hash> {
                let (hash, tail) = rest.split_first_chunk::<32>()?;
                rest = tail;
                Some(*hash)
            };
            let mut node = Node::default();
            for (i, child) in node.children.iter_mut().enumerate() {
                let bit = 1 << i;
                *child = match (present & bit != 0, leaves & bit != 0) {
                    (true, true) => Child::Leaf(Leaf { key_hash: take()?, value_hash: take()? }),
                    (true, false) => Child::Inner(take()?),
                    (false, false) => Child::Empty,
                    (false, true) => return None,
                };
            }
            rest.is_empty().then_some(node)
        }
        read(bytes).ok_or_else(|| Fault::new(Code::StoreCorrupted, "a node of the commitment does not decode"))
    }
}

/// What neighbouring children amount to if they hold one leaf or nothing: such a subtree is not stored, and hashes as that.
pub(crate) fn lone(children: &[Child]) -> Option<Child> {
    let mut rest = children.iter().filter(|c| **c != Child::Empty);
    match (rest.next(), rest.next()) {
        (None, _) => Some(Child::Empty),
        (Some(leaf @ Child::Leaf(_)), None) => Some(*leaf),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blake3;

    fn sample() -> Node {
        let mut node = Node::default();
        node.children[3] = Child::Leaf(Leaf { key_hash: [1; 32], value_hash: [2; 32] });
        node.children[15] = Child::Inner([3; 32]);
        node
    }

    #[test]
    fn a_node_survives_its_encoding_and_nothing_else_decodes() {
        let bytes = sample().encode();
        assert_eq!(bytes.len(), 4 + 64 + 32);
        assert_eq!(Node::decode(&bytes), Ok(sample()));
        for cut in 0..bytes.len() {
            assert!(Node::decode(&bytes[..cut]).is_err());
        }
        assert!(Node::decode(&[&bytes[..], &[0]].concat()).is_err(), "surplus");
        assert!(Node::decode(&[0, 0, 1, 0]).is_err(), "a leaf that is not present");
    }

    #[test]
    fn paths_are_distinct_rows() {
        let root = Path::default();
        assert_ne!(root.child(0).encode(), root.encode());
        assert_ne!(root.child(0).child(0).encode(), root.child(0).encode());
        assert_eq!(root.child(0xa).child(0xb).child(0xc).encode(), [3, 0xab, 0xc0]);
        let mut deepest = root;
        (0..70).for_each(|_| deepest = deepest.child(15));
        assert_eq!((deepest.len(), deepest.encode().len()), (64, 33));
        for path in [root, root.child(7), root.child(0).child(9), deepest] {
            assert_eq!(Path::decode(&path.encode()), Ok(path));
        }
        for bad in [&[][..], &[1], &[2, 0, 0], &[65], &[255; 40]] {
            assert!(Path::decode(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_lone_leaf_moves_up_and_a_lone_node_does_not() {
        let leaf = Child::Leaf(Leaf { key_hash: [1; 32], value_hash: [2; 32] });
        let mut node = Node::default();
        assert_eq!(node.hash::<Blake3>(), EMPTY);
        node.children[7] = leaf;
        assert_eq!(node.hash::<Blake3>(), leaf.hash::<Blake3>());
        assert_eq!(lone(&node.children), Some(leaf));
        node.children[7] = Child::Inner([9; 32]);
        let expected = [true, true, true, false]
            .iter()
            .fold([9; 32], |hash, right| if *right { inner_hash::<Blake3>(&EMPTY, &hash) } else { inner_hash::<Blake3>(&hash, &EMPTY) });
        assert_eq!(node.hash::<Blake3>(), expected);
        assert_eq!(lone(&node.children), None);
    }
}
