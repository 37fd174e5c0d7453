//! The hash under the commitment: Blake3 in production, generic so that other trees' vectors run.

/// A hash function of 32 bytes.
pub trait Digest: Send + Sync + 'static {
    /// The hash of the parts, one after the other.
    fn hash(parts: &[&[u8]]) -> [u8; 32];
}

/// Blake3: the protocol's hash.
#[derive(Clone, Copy, Debug)]
pub struct Blake3;

impl Digest for Blake3 {
    #[inline]
    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        // Nearly all inputs are nodes and keys of at most 96 bytes: gather them, since the one-shot form is faster.
        let mut buffer = [0u8; 128];
        let mut length = 0;
        for part in parts {
            match buffer.get_mut(length..length + part.len()) {
                Some(room) => room.copy_from_slice(part),
                None => {
                    let mut hasher = blake3::Hasher::new();
                    parts.iter().for_each(|p| {
                        hasher.update(p);
                    });
                    return hasher.finalize().into();
                }
            }
            length += part.len();
        }
        blake3::hash(buffer.get(..length).unwrap_or_default()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hash_like_their_concatenation() {
        for split in [0, 1, 40, 128, 129, 300] {
            let bytes = vec![5u8; 300];
            let (a, b) = bytes.split_at(split);
            assert_eq!(Blake3::hash(&[a, b]), *blake3::hash(&bytes).as_bytes());
            assert_eq!(Blake3::hash(&[a]), *blake3::hash(a).as_bytes());
        }
    }
}
