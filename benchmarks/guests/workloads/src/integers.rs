//! 256-bit multiplication modulo p = 2^256 - 2^32 - 977, by folding the high half.

const FOLD: u64 = 0x1_0000_03d1;

fn multiply(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let mut wide = [0u64; 8];
    for i in 0..4 {
        let mut carry = 0u128;
        for j in 0..4 {
            let sum = u128::from(a[i]) * u128::from(b[j]) + u128::from(wide[i + j]) + carry;
            wide[i + j] = sum as u64;
            carry = sum >> 64;
        }
        wide[i + 4] = carry as u64;
    }
    let mut low = [wide[0], wide[1], wide[2], wide[3]];
    let mut carry = 0u128;
    for i in 0..4 {
        let sum = u128::from(wide[i + 4]) * u128::from(FOLD) + u128::from(low[i]) + carry;
        low[i] = sum as u64;
        carry = sum >> 64;
    }
    let mut carry = carry * u128::from(FOLD);
    while carry != 0 {
        for limb in &mut low {
            let sum = u128::from(*limb) + (carry & u128::from(u64::MAX));
            *limb = sum as u64;
            carry = (carry >> 64) + (sum >> 64);
        }
        carry *= u128::from(FOLD);
    }
    low
}

/// `n` squarings, each followed by a small addition.
pub fn run(n: u32) -> u64 {
    let mut x = [7u64, 0x1234_5678_9abc_def0, 3, 0x0fed_cba9_8765_4321];
    for i in 0..n {
        x = multiply(&x, &x);
        x[0] ^= u64::from(i);
    }
    x[0] ^ x[1].rotate_left(16) ^ x[2].rotate_left(32) ^ x[3].rotate_left(48)
}
