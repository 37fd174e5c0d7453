//! A stack machine: one `match` over a dense opcode, which compilers turn into one branch table.

use core::hint::black_box;

const PROGRAM: [u8; 40] = [
    1, 7, 0, 1, 3, 2, 8, 4, 1, 11, 3, 5, 0, 9, 10, 1, 5, 2, 6, 0, 8, 3, 11, 4, 1, 9, 7, 2, 5, 0, 6, 10, 8, 1, 2, 3, 0, 4, 11, 12,
];

/// Runs the program `n` times.
pub fn run(n: u32) -> u64 {
    let program = black_box(PROGRAM);
    let mut stack = [1u64; 16];
    let (mut a, mut b) = (3u64, 5u64);
    for _ in 0..n {
        let mut at = 0usize;
        let mut top = 0usize;
        loop {
            match program[at] {
                0 => a = a.wrapping_add(b),
                1 => b ^= a << 3,
                2 => a = a.wrapping_mul(0x9e37_79b9),
                3 => {
                    stack[top & 15] = a;
                    top += 1;
                }
                4 => {
                    top = top.wrapping_sub(1);
                    b = b.wrapping_add(stack[top & 15]);
                }
                5 => core::mem::swap(&mut a, &mut b),
                6 => a ^= a >> 11,
                7 => b = b.rotate_left(13),
                8 => {
                    if a & 1 == 1 {
                        b = b.wrapping_add(1);
                    }
                }
                9 => stack[(b & 15) as usize] ^= a,
                10 => a = a.wrapping_sub(stack[(a & 15) as usize]),
                11 => b = !b,
                _ => break,
            }
            at += 1;
        }
    }
    a ^ b.rotate_left(32)
}
