//! [`Key`]: what names a value in the committed state.

use detent_protocol::{Code, Fault};
use std::fmt;

/// The greatest encoded key, in bytes: one tag and two 32-byte parts.
const CAPACITY: usize = 65;

/// A family of keys. The tag is the first byte of a key's encoding, so it is protocol: never reuse or renumber one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    /// Balance and nonces of an account, by address.
    Account = 1,
    /// A storage value, by address and slot.
    Storage = 2,
    /// Code, by hash.
    Code = 3,
    /// A registered name, by the hash of the name.
    Name = 4,
    /// A submodule, by address and the hash of its key.
    Submodule = 5,
    /// The chain's own committed sums (fees, supply), by the hash of the sum's name.
    Chain = 6,
    /// Kind, code hash and keys of an account, by address: what its transactions only read.
    Identity = 7,
}

impl Space {
    /// All spaces, in the order of their tags.
    pub const ALL: [Space; 7] = [Space::Account, Space::Storage, Space::Code, Space::Name, Space::Submodule, Space::Chain, Space::Identity];

    /// Bytes after the tag: 32 or 64, fixed per space, which keeps encodings injective.
    pub const fn width(self) -> usize {
        match self {
            Space::Storage | Space::Submodule => 64,
            Space::Account | Space::Code | Space::Name | Space::Chain | Space::Identity => 32,
        }
    }

    /// The space of a tag.
    pub fn from_tag(tag: u8) -> Option<Space> {
        Space::ALL.into_iter().find(|s| *s as u8 == tag)
    }
}

/// A key of the committed state: a space and one or two 32-byte parts. Ordered as its encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    // The encoding itself, padded with zeros: `as_bytes` copies nothing and comparing needs no length.
    bytes: [u8; CAPACITY],
}

impl Key {
    const fn one(space: Space, part: &[u8; 32]) -> Key {
        let mut bytes = [0; CAPACITY];
        bytes[0] = space as u8;
        let (_, rest) = bytes.split_at_mut(1);
        rest.split_at_mut(32).0.copy_from_slice(part);
        Key { bytes }
    }

    const fn two(space: Space, first: &[u8; 32], second: &[u8; 32]) -> Key {
        let mut key = Key::one(space, first);
        key.bytes.split_at_mut(33).1.copy_from_slice(second);
        key
    }

    /// Balance and nonces of an account.
    pub const fn account(address: &[u8; 32]) -> Key {
        Key::one(Space::Account, address)
    }

    /// A storage slot of an account.
    pub const fn storage(address: &[u8; 32], slot: &[u8; 32]) -> Key {
        Key::two(Space::Storage, address, slot)
    }

    /// Code by its hash.
    pub const fn code(hash: &[u8; 32]) -> Key {
        Key::one(Space::Code, hash)
    }

    /// A registered name by its hash.
    pub const fn name(hash: &[u8; 32]) -> Key {
        Key::one(Space::Name, hash)
    }

    /// A submodule of an account by the hash of its key.
    pub const fn submodule(address: &[u8; 32], key_hash: &[u8; 32]) -> Key {
        Key::two(Space::Submodule, address, key_hash)
    }

    /// A sum of the chain by the hash of its name.
    pub const fn chain(name_hash: &[u8; 32]) -> Key {
        Key::one(Space::Chain, name_hash)
    }

    /// Kind, code hash and keys of an account.
    pub const fn identity(address: &[u8; 32]) -> Key {
        Key::one(Space::Identity, address)
    }

    /// The space, which the constructors and [`Key::decode`] keep valid.
    pub fn space(&self) -> Space {
        match self.bytes[0] {
            1 => Space::Account,
            2 => Space::Storage,
            3 => Space::Code,
            4 => Space::Name,
            5 => Space::Submodule,
            7 => Space::Identity,
            _ => Space::Chain,
        }
    }

    /// The encoding: tag, then the parts. It is what the store keeps and what the commitment hashes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..1 + self.space().width()]
    }

    /// Reads an encoding back. Fault `key_malformed` for an unknown tag or another length.
    pub fn decode(bytes: &[u8]) -> Result<Key, Fault> {
        let space = bytes.first().and_then(|&tag| Space::from_tag(tag));
        match space {
            Some(space) if bytes.len() == 1 + space.width() => {
                let mut key = Key { bytes: [0; CAPACITY] };
                key.bytes[..bytes.len()].copy_from_slice(bytes);
                Ok(key)
            }
            _ => Err(Fault::new(Code::KeyMalformed, format!("{} bytes that are no state key", bytes.len()))),
        }
    }
}

impl std::hash::Hash for Key {
    #[inline]
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        // All 65 bytes: a fixed length lets the hasher unroll; the padding is part of the value.
        hasher.write(&self.bytes);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:", self.space())?;
        self.as_bytes()[1..].iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_injective_and_ordered() {
        let keys = [
            Key::account(&[0; 32]),
            Key::account(&[9; 32]),
            Key::storage(&[0; 32], &[0; 32]),
            Key::storage(&[0; 32], &[1; 32]),
            Key::storage(&[1; 32], &[0; 32]),
            Key::code(&[0; 32]),
            Key::name(&[0; 32]),
            Key::submodule(&[0; 32], &[0; 32]),
            Key::chain(&[0; 32]),
            Key::identity(&[0; 32]),
        ];
        assert!(keys.is_sorted());
        assert!(keys.windows(2).all(|w| w[0].as_bytes() < w[1].as_bytes()), "order of keys is order of encodings");
        for key in keys {
            assert_eq!(Key::decode(key.as_bytes()), Ok(key));
            assert_eq!(key.as_bytes().len(), 1 + key.space().width());
        }
    }

    #[test]
    fn decode_refuses_unknown_tags_and_lengths() {
        for tag in 0..=255u8 {
            for length in 0..70 {
                let bytes = vec![tag; length];
                let known = length > 0 && Space::from_tag(tag).is_some_and(|s| length == 1 + s.width());
                match Key::decode(&bytes) {
                    Ok(key) => assert!(known && key.as_bytes() == bytes),
                    Err(fault) => assert!(!known && fault.code == Code::KeyMalformed),
                }
            }
        }
    }
}
