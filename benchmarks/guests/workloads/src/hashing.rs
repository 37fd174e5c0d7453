//! Keccak-f[1600] (FIPS 202) as contracts use it: the permutation of a published crate.

/// `n` permutations of one state.
pub fn run(n: u32) -> u64 {
    let mut state = [0u64; 25];
    state[0] = 1;
    for _ in 0..n {
        tiny_keccak::keccakf(&mut state);
    }
    state[0]
}
