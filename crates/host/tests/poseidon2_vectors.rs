//! The permutation and the sponge have the values of the published implementations.

mod common;

use common::vectors::{bytes, elements, hex, json};
use detent_host::poseidon2::{hash, permute};
use detent_host::slot;

#[test]
fn permutations_are_those_of_horizen_labs() {
    let Some(file) = json("poseidon2/goldilocks8_hl.json") else { return };
    let mut count = 0;
    for list in ["permutation_upstream", "permutation_generated"] {
        for case in file[list].as_array().unwrap() {
            let mut state = elements(&case["input"]);
            permute(&mut state);
            assert_eq!(state, elements(&case["output"]), "{list} {}", case["name"]);
            count += 1;
        }
    }
    assert_eq!(count, 23);
    let mut state = [0, 1, 2, 3, 4, 5, 6, 7];
    permute(&mut state);
    let others = file["not_this"].as_object().unwrap();
    assert_eq!(others.values().filter(|other| other.is_array()).map(|other| assert_ne!(state, elements(other))).count(), 2);
}

#[test]
fn digests_are_those_of_the_sponge() {
    let Some(file) = json("poseidon2/goldilocks8_hl.json") else { return };
    let cases = file["sponge_generated"].as_array().unwrap();
    for case in cases {
        assert_eq!(hash(&bytes(&case["msg"]))[..], bytes(&case["digest"]), "length {}", case["len"]);
    }
    assert_eq!(cases.len(), 59);
}

#[test]
fn child_addresses_and_salts_are_those_of_the_published_fixtures() {
    let Some(file) = json("poseidon2/child_address.json") else { return };
    let (mut addresses, mut salts) = (0, 0);
    for case in file["vectors"].as_array().unwrap() {
        let preimage = [b"pyde-child:".to_vec(), bytes(&case["parent"]), bytes(&case["template"]), bytes(&case["salt"])].concat();
        assert_eq!(preimage, bytes(&case["preimage"]), "{}", case["name"]);
        assert_eq!(hash(&preimage)[..], bytes(&case["child_address"]), "{}", case["name"]);
        addresses += 1;
        if let Some(source) = case["salt_source_borsh"].as_str() {
            assert_eq!(hash(&hex(source))[..], bytes(&case["salt"]), "{}", case["name"]);
            salts += 1;
        }
    }
    assert_eq!((addresses, salts), (13, 9));
}

/// Computed with pyde-crypto 0.1.0-testnet.1.
#[test]
fn slots_and_addresses_are_those_of_the_published_client() {
    let is = |digest: [u8; 32], text: &str| assert_eq!(digest[..], hex(text));
    is(hash(b""), "1012512f56ef7d3aa0766475f9fa0aab140aff69c25caf8fba41cd7cc88f81d6");
    is(hash(&[0]), "721dfe5028485cb7560a3142fe2b4e748ceb8fe21dd553a556a9d556b3bb6f0e");
    is(hash(b"abc"), "9ce9e68058f8b3bad42a28ca0e3c9b383d3188aa4a6fb975fde1d4d81381b8a4");
    is(hash(b"1234567"), "a33363c97e46d452592949bf3fe57e05568df1036c5445f10b417135ca0d6cee");
    is(hash(b"12345678"), "c9fe6c3ccffab633460b68df107b05a7218c39b6234ab29c06c239f2f77d4ba5");
    let s = [0x77; 32];
    is(slot(&s, b"counter", &[]), "8c748788784645291ba0694306fe07d79184da9c1b19eb90a6987872fca2f438");
    is(slot(&s, b"balances", &[&[0x11; 32]]), "eb9b0301f89d24afc9903dc8b41a3217a98eb61ce084fb46889c0a3151b688b8");
    is(slot(&s, b"allowances", &[&[0x11; 32], &[0x22; 32]]), "866def87ff601330f403d6d1984491b8ac75fbf24952270abe4082b48250c0b6");
    is(hash(b"pyde-contract:pyde-template"), "50437e0531e82e14b755c06c723e3e40e181da4f05f299788d134ef628cabe48");
    is(hash(b"pyde-treasury"), "0b8c376dc5a0bb2513e2f4226be45da4da2e5803435d80e2a856ff5f8067ef4b");
    is(hash(b"pyde-reward-pool"), "5128c8dfc824c66c686dcfe25bf46dd6b0ecef1b9470076f5ed39aa8e12bf69a");
    let child = [&b"pyde-child:"[..], &[0x11; 32], &[0x22; 32], &[0x33; 32]].concat();
    is(hash(&child), "354ab9a58e3fb76b484390a2ef277594042e12fd0b74343e5bf34dba492f3dfe");
    // an account's record: its address cut to 16 bytes, then this
    assert_eq!(hash(&[0x10])[..16], hex("f80162a576ffb56e43ebbde897f88661"));
    // transaction hash: chain 31337, from 11x32, to 22x32, value 5, no data, gas 21000, nonce 0, sender pays, no access list
    let transaction = [
        &31337u64.to_le_bytes()[..],
        &[0x11; 32],
        &[0x22; 32],
        &5u128.to_le_bytes(),
        &hash(b""),
        &21000u64.to_le_bytes(),
        &0u64.to_le_bytes(),
        &[0],
        &hash(&[0; 4]),
        &[0],
        &[0],
    ];
    is(hash(&transaction.concat()), "df4a87fc64c2a19e399afddc9e6fbc5d0504bd81d2ee05174f12aa0e5e910182");
}
