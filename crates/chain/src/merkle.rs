//! The list commitment of blocks: a Blake3 binary tree over leaves padded with zero leaves to a power of two.

/// The root over leaf hashes in order; 32 zero bytes for none; a single leaf is its own root.
pub fn root(mut level: Vec<[u8; 32]>) -> [u8; 32] {
    if level.is_empty() {
        return [0; 32];
    }
    level.resize(level.len().next_power_of_two(), [0; 32]);
    while level.len() > 1 {
        level = level
            .chunks_exact(2)
            .map(|pair| {
                let mut joined = [0; 64];
                joined[..32].copy_from_slice(&pair[0]);
                joined[32..].copy_from_slice(&pair[1]);
                *blake3::hash(&joined).as_bytes()
            })
            .collect();
    }
    level[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(l: [u8; 32], r: [u8; 32]) -> [u8; 32] {
        *blake3::Hasher::new().update(&l).update(&r).finalize().as_bytes()
    }

    #[test]
    fn empty_single_and_padded_lists_follow_the_rule() {
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        assert_eq!(root(vec![]), [0; 32]);
        assert_eq!(root(vec![a]), a);
        assert_eq!(root(vec![a, b]), node(a, b));
        assert_eq!(root(vec![a, b, c]), node(node(a, b), node(c, [0; 32])));
        let five = root(vec![a, b, c, a, b]);
        let zero = [0; 32];
        assert_eq!(five, node(node(node(a, b), node(c, a)), node(node(b, zero), node(zero, zero))));
    }
}
