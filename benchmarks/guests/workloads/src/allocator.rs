//! A first-fit free list with splitting and merging, in a static arena.

const WORDS: usize = 16 * 1024;
const NONE: u32 = u32::MAX;

/// Block header: size in words (header included) at 0, next free block at 1.
struct Arena {
    words: [u32; WORDS],
    free: u32,
}

impl Arena {
    fn new() -> Arena {
        let mut words = [0u32; WORDS];
        words[0] = WORDS as u32;
        words[1] = NONE;
        Arena { words, free: 0 }
    }

    fn take(&mut self, size: u32) -> Option<u32> {
        let size = size + 2;
        let (mut before, mut at) = (NONE, self.free);
        while at != NONE {
            let (held, next) = (self.words[at as usize], self.words[at as usize + 1]);
            if held >= size {
                let follow = if held - size >= 4 {
                    let rest = at + size;
                    self.words[rest as usize] = held - size;
                    self.words[rest as usize + 1] = next;
                    self.words[at as usize] = size;
                    rest
                } else {
                    next
                };
                if before == NONE {
                    self.free = follow;
                } else {
                    self.words[before as usize + 1] = follow;
                }
                return Some(at);
            }
            before = at;
            at = next;
        }
        None
    }

    fn give(&mut self, block: u32) {
        let (mut before, mut at) = (NONE, self.free);
        while at != NONE && at < block {
            before = at;
            at = self.words[at as usize + 1];
        }
        self.words[block as usize + 1] = at;
        if at != NONE && block + self.words[block as usize] == at {
            self.words[block as usize] += self.words[at as usize];
            self.words[block as usize + 1] = self.words[at as usize + 1];
        }
        if before == NONE {
            self.free = block;
        } else if before + self.words[before as usize] == block {
            self.words[before as usize] += self.words[block as usize];
            self.words[before as usize + 1] = self.words[block as usize + 1];
        } else {
            self.words[before as usize + 1] = block;
        }
    }
}

/// `n` allocations of pseudo-random sizes, each releasing what its slot held.
pub fn run(n: u32) -> u64 {
    let mut arena = Arena::new();
    let mut held = [NONE; 64];
    let (mut seed, mut sum) = (7u32, 0u64);
    for _ in 0..n {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let slot = (seed >> 20) as usize & 63;
        if held[slot] != NONE {
            arena.give(held[slot]);
        }
        held[slot] = arena.take(4 + (seed >> 8 & 127)).unwrap_or(NONE);
        sum = sum.rotate_left(1) ^ u64::from(held[slot]);
    }
    sum
}
