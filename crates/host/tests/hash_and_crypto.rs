//! Hashes and signatures as contracts reach them.

mod common;

use common::call::{Bench, entry, traps};
use common::vectors::{bytes, json};
use detent_engine::Exit;
use detent_host::falcon::SecretKey;
use detent_host::poseidon2;
use serde_json::Value;

const IN: usize = 1000;
const OUT: i64 = 100;

fn digest(bench: &mut Bench, name: &str, input: &[u8]) -> ([u8; 32], u64) {
    bench.guest.memory.resize(bench.guest.memory.len().max(IN + input.len()), 0);
    bench.put(IN, input);
    let (result, used) = bench.metered(name, &[IN as i64, input.len() as i64, OUT]);
    assert_eq!(result, Ok(0));
    (bench.get(OUT as usize, 32).try_into().unwrap(), used)
}

#[test]
fn keccak256_has_the_original_padding() {
    let Some(file) = json("hashes/keccak256_kat.json") else { return };
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        assert_eq!(digest(&mut Bench::plain(), "hash_keccak256", &bytes(&case["msg"])).0[..], bytes(&case["md"]));
    }
    assert_eq!(cases.len(), 321);
}

#[test]
fn blake3_is_the_plain_hash() {
    let Some(file) = json("hashes/blake3_test_vectors.json") else { return };
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let input: Vec<u8> = (0..case["input_len"].as_u64().unwrap()).map(|i| (i % 251) as u8).collect();
        assert_eq!(digest(&mut Bench::plain(), "hash_blake3", &input).0[..], bytes(&case["hash"])[..32]);
    }
    assert_eq!(cases.len(), 35);
}

#[test]
fn hashes_are_priced_by_started_words() {
    for name in ["hash_blake3", "hash_poseidon2", "hash_keccak256"] {
        let (base, word) = (entry(name).base, entry(name).per_word);
        for (length, words) in [(0, 0), (1, 1), (8, 1), (9, 2), (1 << 20, 1 << 17)] {
            let (hash, used) = digest(&mut Bench::plain(), name, &vec![3; length]);
            assert_eq!(used, base + words * word, "{name} of {length} bytes");
            if name == "hash_poseidon2" {
                assert_eq!(hash, poseidon2::hash(&vec![3; length]));
            }
        }
        let mut bench = Bench::plain();
        bench.guest.fuel = base + 2 * word - 1;
        assert_eq!(bench.call(name, &[0, 9, OUT]), Err(Exit::OutOfGas));
        assert_eq!(bench.get(OUT as usize, 32), [0; 32]);
        bench.guest.fuel = base + 2 * word;
        assert_eq!(bench.call(name, &[0, 9, OUT]), Ok(0));
    }
}

#[test]
fn hash_inputs_are_bounded_and_may_overlap_the_output() {
    for name in ["hash_blake3", "hash_poseidon2", "hash_keccak256"] {
        let mut bench = Bench::plain();
        assert!(traps(&bench.call(name, &[0, (1 << 20) + 1, OUT]), "in_len is 1048577"));
        assert!(traps(&bench.call(name, &[0, -1, OUT]), "in_len is -1"));
        assert!(traps(&bench.call(name, &[1, 65536, OUT]), "65536 bytes at 1"));
        assert!(traps(&bench.call(name, &[0, 1, 65505]), "32 bytes at 65505"));
        assert_eq!(bench.call(name, &[-1, 0, 0]), Ok(0));
        let empty = bench.get(0, 32).to_vec();
        bench.put(50, &empty);
        assert_eq!(bench.call(name, &[50, 32, 66]), Ok(0));
        bench.put(500, &empty);
        assert_eq!(bench.call(name, &[500, 32, 600]), Ok(0));
        assert_eq!(bench.get(66, 32), bench.get(600, 32), "{name}");
    }
}

fn verify(bench: &mut Bench, key: &[u8], message: &[u8], signature: &[u8]) -> (Result<i64, Exit>, u64) {
    bench.put(0, key);
    bench.put(2000, message);
    bench.put(4000, signature);
    bench.metered("falcon_verify", &[0, 2000, message.len() as i64, 4000, signature.len() as i64])
}

/// Contracts are handed what clients sign, so both forms of the published client's signatures pass.
#[test]
fn falcon_verify_takes_what_the_published_client_signs() {
    let file: Value = serde_json::from_str(include_str!("data/falcon_client.json")).unwrap();
    for case in file["signatures"].as_array().unwrap() {
        let (key, message, signature) = (bytes(&case["public_key"]), bytes(&case["message"]), bytes(&case["signature"]));
        let mut bench = Bench::plain();
        assert_eq!(verify(&mut bench, &key, &message, &signature), (Ok(0), 50_000));
        let compact = detent_host::falcon::compact(&signature).unwrap();
        assert_eq!(verify(&mut bench, &key, &message, &compact), (Ok(0), 50_000));
        assert_eq!(verify(&mut bench, &key, &[&message[..], b"!"].concat(), &compact), (Ok(-17), 50_000));
    }
}

#[test]
fn falcon_verify_answers_one_code_for_everything_invalid() {
    let key = SecretKey::from_seed(&[1; 32]);
    let signature = key.sign(b"m", &[0; 32]);
    let mut bench = Bench::plain();
    assert_eq!(verify(&mut bench, key.public(), b"m", &signature).0, Ok(0));
    assert_eq!(verify(&mut bench, key.public(), b"n", &signature).0, Ok(-17));
    assert_eq!(verify(&mut bench, &[0xff; 897], b"m", &signature).0, Ok(-17), "a key that does not decode");
    assert_eq!(verify(&mut bench, key.public(), b"m", &key.sign_raw(b"m", &[0; 32])).0, Ok(-17), "no context");
    for length in [0, 1, 41, 499, 666, 809, 1000] {
        assert_eq!(verify(&mut bench, key.public(), b"m", &vec![0x39; length]).0, Ok(-17), "{length} bytes of garbage");
    }
    assert!(traps(&bench.call("falcon_verify", &[0, 0, 0, 4000, 1001]), "sig_len is 1001"));
    bench.guest.memory.resize(1 << 20, 0);
    assert_eq!(bench.call("falcon_verify", &[0, 0, 65536, 4000, 600]), Ok(-17));
    assert!(traps(&bench.call("falcon_verify", &[0, 0, 65537, 4000, 600]), "msg_len is 65537"));
    assert!(traps(&bench.call("falcon_verify", &[(1 << 20) - 896, 0, 1, 4000, 600]), "897 bytes"));
}
