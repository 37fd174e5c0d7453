//! Arithmetic modulo p = 2^64 - 2^32 + 1, as Poseidon2 needs it. An element is any u64 (values in p..2^64 stand for themselves
//! less p); only [`canonical`] makes it unique. 2^64 = 2^32 - 1 and 2^96 = -1 modulo p, so a product folds by two subtractions.
//!
//! Operations wrap explicitly: the profile checks overflow, and each wrap here is meant.

/// The modulus.
pub(crate) const P: u64 = 0xffff_ffff_0000_0001;
/// 2^64 modulo p.
const EPSILON: u64 = 0xffff_ffff;

/// The element in 0..p.
#[inline(always)]
pub(crate) const fn canonical(x: u64) -> u64 {
    if x >= P { x.wrapping_sub(P) } else { x }
}

/// A value below 2^128 as an element.
#[inline(always)]
pub(crate) fn reduce(x: u128) -> u64 {
    let (low, high) = (x as u64, (x >> 64) as u64);
    // low - high / 2^32: the borrow needs low < 2^32, once in 2^32 products, so a branch is cheaper than a mask
    let (mut folded, borrow) = low.overflowing_sub(high >> 32);
    if borrow {
        rare();
        folded = folded.wrapping_sub(EPSILON); // cannot borrow again: folded is at least 2^64 - 2^32
    }
    fold(folded, high & EPSILON)
}

/// A value below 2^96 as an element.
#[inline(always)]
pub(crate) fn reduce96(x: u128) -> u64 {
    fold(x as u64, (x >> 64) as u64)
}

/// `low + high * 2^64` for `high` below 2^32.
#[inline(always)]
fn fold(low: u64, high: u64) -> u64 {
    let (sum, carry) = low.overflowing_add(high.wrapping_mul(EPSILON));
    // after a carry the sum is at most 2^64 - 2^33, so this cannot carry again
    sum.wrapping_add(EPSILON & u64::from(carry).wrapping_neg())
}

#[cold]
#[inline(never)]
fn rare() {}

/// a * b.
#[inline(always)]
pub(crate) fn mul(a: u64, b: u64) -> u64 {
    reduce(u128::from(a).wrapping_mul(u128::from(b)))
}

/// Below this a factor leaves room in 128 bits for a summand of 2^67.
pub(crate) const ROOM: u64 = 0xffff_ffff_ffff_fff0;

/// a * b + c, for b below [`ROOM`] and c below 2^67.
#[inline(always)]
pub(crate) fn mul_add(a: u64, b: u64, c: u128) -> u64 {
    // at most (2^64 - 1) (2^64 - 17) + 2^67 < 2^128
    reduce(u128::from(a).wrapping_mul(u128::from(b)).wrapping_add(c))
}

/// a + b.
#[inline(always)]
pub(crate) fn add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    let (sum, again) = sum.overflowing_add(EPSILON & u64::from(carry).wrapping_neg());
    sum.wrapping_add(EPSILON & u64::from(again).wrapping_neg())
}

/// The S-box.
#[inline(always)]
pub(crate) fn pow7(x: u64) -> u64 {
    let square = mul(x, x);
    mul(mul(square, x), mul(square, square))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values around every boundary of the folding.
    fn edges() -> Vec<u64> {
        let bases = [0u64, 1 << 32, 1 << 33, 1 << 63, P, EPSILON, u64::MAX, P.wrapping_mul(2)];
        bases.into_iter().flat_map(|b| (0..4u64).flat_map(move |d| [b.wrapping_add(d), b.wrapping_sub(d)])).collect()
    }

    fn agrees(a: u64, b: u64, c: u64) {
        let p = u128::from(P);
        let (wa, wb) = (u128::from(a), u128::from(b));
        assert_eq!(u128::from(canonical(mul(a, b))), wa * wb % p, "{a:x} * {b:x}");
        let (roomy, wide_c) = (b.min(ROOM - 1), u128::from(c) << 3 | 7);
        let exact = (wa * u128::from(roomy)).checked_add(wide_c).expect("there is room");
        assert_eq!(u128::from(canonical(mul_add(a, roomy, wide_c))), exact % p, "{a:x} * {roomy:x} + {wide_c:x}");
        assert_eq!(u128::from(canonical(add(a, b))), (wa + wb) % p, "{a:x} + {b:x}");
        let wide = wa << 64 | wb;
        assert_eq!(u128::from(canonical(reduce(wide))), wide % p, "{wide:x}");
        let narrow = wide & ((1 << 96) - 1);
        assert_eq!(u128::from(canonical(reduce96(narrow))), narrow % p, "{narrow:x}");
        let power = [wa; 7].into_iter().fold(1, |product, x| product * (x % p) % p);
        assert_eq!(u128::from(canonical(pow7(a))), power, "{a:x}^7");
    }

    #[test]
    fn arithmetic_agrees_with_remainders_at_every_boundary() {
        for a in edges() {
            for b in edges() {
                for c in [0, 1, P, u64::MAX] {
                    agrees(a, b, c);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_remainders(a: u64, b: u64, c: u64) {
            agrees(a, b, c);
        }
    }
}
