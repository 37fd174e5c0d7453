//! Falcon-512: one accepted encoding, the published test vectors, and the published client.

mod common;

use common::vectors::{bytes, json};
use detent_host::falcon::{self, PublicKey, SecretKey};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;

static CLIENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("data/falcon_client.json")).expect("the file is JSON"));

/// Of the round-3 vectors exactly those are accepted that are valid and not padded.
#[test]
fn only_the_compact_form_of_a_valid_signature_is_accepted() {
    let Some(file) = json("falcon/falcon512.json") else { return };
    let (mut accepted, mut padded) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        let (key, message, signature) = (bytes(&case["pk"]), bytes(&case["msg"]), bytes(&case["sig"]));
        let valid = case["valid_falcon512"].as_bool().unwrap();
        let zero_at_end = signature.last() == Some(&0);
        let expected = valid && !zero_at_end;
        assert_eq!(falcon::verify_raw(&key, &message, &signature), expected, "{}", case["id"]);
        assert!(!falcon::verify(&key, &message, &signature), "{}: no context was signed", case["id"]);
        accepted += usize::from(expected);
        if valid && zero_at_end {
            let end = signature.iter().rposition(|&b| b != 0).unwrap();
            assert!(falcon::verify_raw(&key, &message, &signature[..=end]), "{}", case["id"]);
            padded += 1;
        }
    }
    assert_eq!((accepted, padded), (12, 7));
}

/// Signatures of the published client, in its constant-time form, verify once compacted, under the context and only under it.
#[test]
fn signatures_of_the_published_client_verify() {
    for case in CLIENT["signatures"].as_array().unwrap() {
        let (key, message, signature) = (bytes(&case["public_key"]), bytes(&case["message"]), bytes(&case["signature"]));
        assert_eq!(signature.len(), falcon::CONSTANT_TIME_BYTES);
        assert!(!falcon::verify(&key, &message, &signature), "the constant-time form itself is not accepted");
        let compact = falcon::compact(&signature).expect("it re-encodes");
        assert!(falcon::verify(&key, &message, &compact));
        assert!(!falcon::verify_raw(&key, &message, &compact), "the context counts");
        assert_eq!(falcon::compact(&compact).as_deref(), Some(&*compact), "compacting twice is compacting once");
        let framed = [&[0, 14][..], b"pyde-falcon-v1", &message].concat();
        assert!(falcon::verify_raw(&key, &framed, &compact));
        assert_eq!(falcon::address(&key)[..], bytes(&case["address"]));
    }
    // the ABI table's vector of an address: the client's key of the seed 07x32
    let first = &CLIENT["signatures"][0];
    assert_eq!(first["seed"], "07".repeat(32));
    assert_eq!(first["address"], "2783a1b5ab42dec8af7decae698bca897f36c7f1dbe1ef1879f109480dd5f0bc");
}

#[test]
fn a_seed_is_a_key_and_signs_in_the_compact_form() {
    let key = SecretKey::from_seed(&[7; 32]);
    assert_eq!(key.public(), SecretKey::from_seed(&[7; 32]).public());
    assert_ne!(key.public(), SecretKey::from_seed(&[8; 32]).public());
    assert_eq!(key.address(), falcon::address(key.public()));
    let decoded = PublicKey::decode(key.public()).expect("its own encoding");
    let mut before = Vec::new();
    for entropy in 0..30u8 {
        let signature = key.sign(b"message", &[entropy; 32]);
        assert!(signature.len() <= falcon::SIGNATURE_BYTES && signature[0] == 0x39 && signature.last() != Some(&0));
        assert!(decoded.verify(b"message", &signature));
        assert!(!decoded.verify(b"massage", &signature));
        assert!(!decoded.verify_raw(b"message", &signature));
        assert_eq!(signature, key.sign(b"message", &[entropy; 32]), "the same draw, the same signature");
        assert_ne!(signature, before, "another draw, another signature");
        before = signature;
    }
    assert!(falcon::verify_raw(key.public(), b"raw", &key.sign_raw(b"raw", &[1; 32])));
}

/// Whoever has a signature cannot make a second one of it by another encoding.
#[test]
fn no_other_encoding_of_a_signature_is_accepted() {
    let key = SecretKey::from_seed(&[9; 32]);
    let signature = key.sign(b"m", &[0; 32]);
    let refused = |bytes: &[u8]| !falcon::verify(key.public(), b"m", bytes) && falcon::compact(bytes).is_none();
    let mut padded = signature.clone();
    while padded.len() < 800 {
        padded.push(0);
        assert!(refused(&padded), "padded to {}", padded.len());
    }
    let mut longer = signature.clone();
    longer.push(1);
    assert!(!falcon::verify(key.public(), b"m", &longer));
    for header in (0..=255).filter(|&header| header != 0x39) {
        let mut other = signature.clone();
        other[0] = header;
        assert!(refused(&other), "header {header:02x}");
    }
    assert!(refused(&[]));
}

fn client(index: usize, field: &str) -> Vec<u8> {
    bytes(&CLIENT["signatures"][index][field])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any bytes are answered, and a change of one bit anywhere is noticed.
    #[test]
    fn hostile_keys_and_signatures_are_only_refused(
        key in prop::collection::vec(any::<u8>(), 0..900),
        signature in prop::collection::vec(any::<u8>(), 0..900),
        bit in 0usize..809 * 8,
        key_bit in 0usize..897 * 8,
    ) {
        prop_assert!(!falcon::verify(&key, b"", &signature));
        let mut headed = signature.clone();
        if let Some(first) = headed.first_mut() { *first = 0x39 }
        let mut full = key.clone();
        full.resize(897, 0);
        full[0] = 9;
        prop_assert!(!falcon::verify(&full, b"", &headed));
        headed.resize(809, 1);
        headed[0] = 0x59;
        let _ = falcon::compact(&headed);

        let mut flipped = client(1, "signature");
        flipped[bit / 8] ^= 1 << (bit % 8);
        let accepted = falcon::compact(&flipped).is_some_and(|s| falcon::verify(&client(1, "public_key"), &client(1, "message"), &s));
        prop_assert!(!accepted, "bit {}", bit);
        let mut other = client(1, "public_key");
        other[key_bit / 8] ^= 1 << (key_bit % 8);
        let compact = falcon::compact(&client(1, "signature")).unwrap().into_owned();
        prop_assert!(!falcon::verify(&other, &client(1, "message"), &compact), "key bit {}", key_bit);
    }
}
