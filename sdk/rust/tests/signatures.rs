//! What is computed at compile time: topics and signature records.

use detent_sdk::{Address, Bytes, blake3::blake3, entry, event};

event! {
    /// Tokens moved.
    pub struct Transfer { from: Address [indexed], to: Address [indexed], amount: u128 }
    /// Every kind of field.
    pub struct Mixed { a: bool, b: [u8; 32] [indexed], c: Vec<u16>, d: String, e: Bytes, f: i64 [indexed] }
}

#[test]
fn one_chunk_hashes_are_blake3() {
    let input: Vec<u8> = (0..1024u32).map(|i| (i % 251) as u8).collect();
    for length in [0, 1, 3, 4, 63, 64, 65, 127, 128, 129, 1023, 1024] {
        assert_eq!(blake3(&input[..length]), *::blake3::hash(&input[..length]).as_bytes(), "{length} bytes");
    }
}

#[test]
fn topic_zero_is_the_hash_of_the_canonical_signature() {
    assert_eq!(Transfer::SIGNATURE.as_bytes(), b"Transfer(address,address,uint128)");
    // `topic_transfer` of the published ABI vectors.
    let expected = "71fba72c0005dd55aea688392321923169fb06ab0ec0c3e330731ca5979f4db9";
    assert_eq!(Transfer::TOPIC.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
    assert_eq!(Mixed::SIGNATURE.as_bytes(), b"Mixed(bool,bytes32,uint16[],string,bytes,int64)");
}

fn transfer(_: Address, _: u128) -> bool {
    true
}
fn nothing() {}
fn lists(_: Vec<Option<u8>>) -> [u8; 32] {
    [0; 32]
}

#[test]
fn records_name_types_as_rust_does() {
    assert_eq!(entry::record("transfer", &transfer).as_bytes(), b"transfer(Address,u128)->bool;");
    assert_eq!(entry::record("nothing", &nothing).as_bytes(), b"nothing()->;");
    assert_eq!(entry::record("lists", &lists).as_bytes(), b"lists(Vec<Option<u8>>)->[u8;32];");
}
