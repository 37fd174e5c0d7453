//! The workloads that runtime engineers argue about, each `fn(n) -> checksum`, no imports.
//!
//! `n` scales the work linearly. Every function is called the same way natively and in an engine, so that their times compare.
//! Buffers are static: an allocator of the platform would be measured otherwise.

mod allocator;
mod hashing;
mod integers;
mod interpreter;
mod sorting;

use core::hint::black_box;

/// The known worst case of metering: a loop of a few operators.
#[unsafe(no_mangle)]
pub extern "C" fn tiny_loop(n: u32) -> u64 {
    let mut sum = 0u64;
    let mut i = 0u32;
    while i < n {
        // rotated, or the compiler computes the sum in closed form
        sum = sum.rotate_left(1) ^ u64::from(i);
        i += 1;
    }
    sum
}

#[inline(never)]
fn fib_of(n: u32) -> u64 {
    if n < 2 { u64::from(n) } else { fib_of(n - 1).wrapping_add(fib_of(n - 2)) }
}

/// Naive recursion; `n` is the argument, so work grows by 1.6 a step.
#[unsafe(no_mangle)]
pub extern "C" fn fib(n: u32) -> u64 {
    fib_of(n)
}

/// Quicksort with insertion sort below 12, on 2,048 pseudo-random words, `n` times.
#[unsafe(no_mangle)]
pub extern "C" fn branchy_sort(n: u32) -> u64 {
    sorting::run(n)
}

/// A bytecode interpreter with one dispatch table, `n` times round its program.
#[unsafe(no_mangle)]
pub extern "C" fn br_table_interpreter(n: u32) -> u64 {
    interpreter::run(n)
}

/// A first-fit free list, `n` allocations and releases.
#[unsafe(no_mangle)]
pub extern "C" fn allocator(n: u32) -> u64 {
    allocator::run(n)
}

type Step = fn(u64) -> u64;

#[inline(never)]
fn rotate(x: u64) -> u64 {
    x.rotate_left(7) ^ 0x9e37_79b9_7f4a_7c15
}
#[inline(never)]
fn scale(x: u64) -> u64 {
    x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1)
}
#[inline(never)]
fn fold(x: u64) -> u64 {
    x ^ (x >> 29)
}
#[inline(never)]
fn negate(x: u64) -> u64 {
    !x
}

/// `n` calls through a table of four functions.
#[unsafe(no_mangle)]
pub extern "C" fn call_indirect(n: u32) -> u64 {
    let table: [Step; 4] = black_box([rotate, scale, fold, negate]);
    let mut x = 1u64;
    for _ in 0..n {
        x = table[(x & 3) as usize](x);
    }
    x
}

/// Keccak-f[1600] chained `n` times.
#[unsafe(no_mangle)]
pub extern "C" fn hashing(n: u32) -> u64 {
    hashing::run(n)
}

/// Four bodies under gravity, `n` steps: additions, multiplications, divisions and square roots of doubles.
#[unsafe(no_mangle)]
pub extern "C" fn f64_bodies(n: u32) -> u64 {
    let mut p = [[0.0f64, 0.0, 0.0], [4.8, -1.2, -0.1], [8.3, 4.1, -0.4], [12.9, -15.1, -0.2]];
    let mut v = [[0.0f64, 0.0, 0.0], [0.6, 2.8, -0.02], [-1.01, 1.8, 0.008], [1.08, 0.86, -0.01]];
    let mass = [39.47f64, 0.037, 0.011, 0.0017];
    for _ in 0..n {
        for i in 0..4 {
            for j in i + 1..4 {
                let d = [p[i][0] - p[j][0], p[i][1] - p[j][1], p[i][2] - p[j][2]];
                let square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
                let pull = 0.001 / (square * square.sqrt());
                for k in 0..3 {
                    v[i][k] -= d[k] * mass[j] * pull;
                    v[j][k] += d[k] * mass[i] * pull;
                }
            }
        }
        for i in 0..4 {
            for k in 0..3 {
                p[i][k] += 0.001 * v[i][k];
            }
        }
    }
    p.iter().flatten().fold(0u64, |sum, x| sum.rotate_left(9) ^ x.to_bits())
}

/// `n` multiplications modulo the secp256k1 prime.
#[unsafe(no_mangle)]
pub extern "C" fn big_integers(n: u32) -> u64 {
    integers::run(n)
}
