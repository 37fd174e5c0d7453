//! What the host's own work costs, in nanoseconds: `cargo run -p detent-host --example cost`. The best of many short runs,
//! so that what else the machine does shows little.

#[path = "../tests/common/mod.rs"]
mod common;

use common::call::{Guest, context, entry, imports};
use common::world::Accounts;
use detent_engine::Host;
use detent_gate::abi::{FieldKind, ScalarType, Schema, StateField, StateSchema};
use detent_host::falcon::{PublicKey, SecretKey};
use detent_host::{FrameContext, Function, HostFrame, ImportTable, poseidon2, slot};
use std::hint::black_box;
use std::time::Instant;

fn best(name: &str, rounds: u32, mut work: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..100 {
        let start = Instant::now();
        for _ in 0..rounds {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds));
    }
    println!("{name:<44} {best:>10.1} ns");
}

fn main() {
    let kind = FieldKind::Map { keys: vec![ScalarType::Address], value: ScalarType::U128 };
    let schema = Schema::new(&StateSchema { fields: vec![StateField { name: "balances".into(), kind }] });
    let context = FrameContext { schema: Some(schema.into()), ..context() };
    let mut host = HostFrame::new(Accounts::new(1), context, &ImportTable::new(&imports()).expect("the table's own types"));
    let mut guest = Guest { memory: vec![0; 65536], fuel: 0 };
    guest.memory[1000..1008].copy_from_slice(b"balances");
    let mut call = |label: &str, name: &str, args: &[u64], step: u64| {
        let import = Function::ALL.iter().position(|f| f.name() == name).expect("a function of the table");
        assert_eq!(args.len(), entry(name).params.len());
        let mut n = 0u64;
        best(label, 500, || {
            guest.fuel = 1 << 40;
            n = n.wrapping_add(step);
            guest.memory[..8].copy_from_slice(&n.to_le_bytes());
            black_box(host.call(import, black_box(args), &mut guest)).expect("it succeeds");
        });
    };
    call("wave_id (charge and dispatch)", "wave_id", &[], 0);
    call("caller", "caller", &[100], 0);
    call("sstore 16 bytes, same slot", "sstore", &[0, 100, 16], 0);
    call("sload 16 bytes, same slot", "sload", &[0, 100, 16], 0);
    call("sload_map1, slot remembered", "sload_map1", &[1000, 8, 0, 32, 100, 16], 0);
    call("sload_map1, new slot every time", "sload_map1", &[1000, 8, 0, 32, 100, 16], 1);

    let mut state = [1, 2, 3, 4, 5, 6, 7, 8];
    best("Poseidon2 permutation", 1_000, || poseidon2::permute(black_box(&mut state)));
    best("slot of a map entry, nothing remembered", 500, || {
        black_box(slot(black_box(&[7; 32]), b"balances", &[&[1; 32]]));
    });

    let mut seed = [0u8; 32];
    best("Falcon-512 key from a seed", 1, || {
        seed[0] = seed[0].wrapping_add(1);
        black_box(SecretKey::from_seed(&seed));
    });
    let key = SecretKey::from_seed(&seed);
    let mut entropy = [0u8; 32];
    best("Falcon-512 sign", 2, || {
        entropy[0] = entropy[0].wrapping_add(1);
        black_box(key.sign(b"message", &entropy));
    });
    let signature = key.sign(b"message", &entropy);
    best("Falcon-512 verify, key encoded", 20, || assert!(detent_host::falcon::verify(key.public(), b"message", &signature)));
    let decoded = PublicKey::decode(key.public()).expect("its own encoding");
    best("Falcon-512 verify, key decoded", 20, || assert!(decoded.verify(b"message", &signature)));
    best("address of a public key", 20, || {
        black_box(detent_host::falcon::address(key.public()));
    });
}
