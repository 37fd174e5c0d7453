//! Quicksort whose branches a predictor cannot learn.

const SIZE: usize = 2048;

fn sort(words: &mut [u32]) {
    let mut rest = words;
    while rest.len() > 12 {
        let pivot = rest[rest.len() / 2];
        let (mut low, mut high) = (0usize, rest.len() - 1);
        loop {
            while rest[low] < pivot {
                low += 1;
            }
            while rest[high] > pivot {
                high -= 1;
            }
            if low >= high {
                break;
            }
            rest.swap(low, high);
            low += 1;
            high -= 1;
        }
        let (left, right) = rest.split_at_mut(low);
        sort(left);
        rest = right;
    }
    for i in 1..rest.len() {
        let word = rest[i];
        let mut at = i;
        while at > 0 && rest[at - 1] > word {
            rest[at] = rest[at - 1];
            at -= 1;
        }
        rest[at] = word;
    }
}

/// Fills, sorts and sums, `n` times.
pub fn run(n: u32) -> u64 {
    let mut words = [0u32; SIZE];
    let (mut seed, mut sum) = (1u32, 0u64);
    for _ in 0..n {
        for word in &mut words {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *word = seed >> 4;
        }
        sort(&mut words);
        sum = sum.rotate_left(5) ^ u64::from(words[SIZE / 3]) ^ (u64::from(words[SIZE - 1]) << 20);
    }
    sum
}
