//! Typed storage: a field of the running code's schema and its keys name a slot; everything else is raw storage.

mod common;

use common::call::{Bench, SELF, context, entry, traps};
use common::world::Accounts;
use detent_engine::Exit;
use detent_gate::abi::{FieldKind, ScalarType, Schema, StateField, StateSchema};
use detent_host::{FrameContext, slot};
use std::sync::Arc;

type Keys<'a> = &'a [&'a [u8]];

const FIELD: usize = 0;
const KEYS: usize = 1000;
const VALUE: i64 = 20_000;
const OUT: i64 = 40_000;

fn schema() -> Schema {
    let map = |keys: &[ScalarType], value| FieldKind::Map { keys: keys.to_vec(), value };
    let fields = [
        ("counter", FieldKind::Scalar { value: ScalarType::U64 }),
        ("name", FieldKind::Scalar { value: ScalarType::String }),
        ("balances", map(&[ScalarType::Address], ScalarType::U128)),
        ("allowances", map(&[ScalarType::Address, ScalarType::Address], ScalarType::U128)),
        ("notes", map(&[ScalarType::U8, ScalarType::Bytes, ScalarType::Hash32], ScalarType::Bytes)),
    ];
    Schema::new(&StateSchema { fields: fields.into_iter().map(|(name, kind)| StateField { name: name.into(), kind }).collect() })
}

fn with_schema() -> FrameContext {
    FrameContext { schema: Some(Arc::new(schema())), ..context() }
}

/// Puts field and keys into memory and calls `<verb>_<kind of that many keys>`.
fn typed(bench: &mut Bench, verb: &str, field: &[u8], keys: Keys, tail: &[i64]) -> (Result<i64, Exit>, u64) {
    bench.put(FIELD, field);
    let mut args = vec![FIELD as i64, field.len() as i64];
    let mut at = KEYS;
    for key in keys {
        bench.put(at, key);
        args.extend([at as i64, key.len() as i64]);
        at += key.len();
    }
    args.extend(tail);
    let kind = ["scalar", "map1", "map2", "map3"][keys.len()];
    bench.metered(&format!("{verb}_{kind}"), &args)
}

#[test]
fn each_arity_reads_writes_and_deletes_the_logical_slot() {
    let cases: [(&[u8], Keys, i64); 5] = [
        (b"counter", &[], 8),
        (b"name", &[], 33),
        (b"balances", &[&[0x11; 32]], 16),
        (b"allowances", &[&[0x11; 32], &[0x22; 32]], 16),
        (b"notes", &[&[1], b"\x03\0\0\0abc", &[0x33; 32]], 0),
    ];
    for (field, keys, length) in cases {
        let mut bench = Bench::new(Accounts::new(1), with_schema());
        bench.put(VALUE as usize, &[0xab; 40]);
        let length_u = length as usize;
        assert_eq!(typed(&mut bench, "sload", field, keys, &[OUT, 64]), (Ok(-1), 120));
        assert_eq!(typed(&mut bench, "sstore", field, keys, &[VALUE, length]), (Ok(0), 5020 + 32 * length as u64));
        assert_eq!(typed(&mut bench, "sload", field, keys, &[OUT, 0]), (Ok(length), 120));
        assert_eq!(typed(&mut bench, "sload", field, keys, &[OUT, 64]), (Ok(length), 120 + length as u64));
        assert_eq!(bench.get(OUT as usize, length_u), &vec![0xab; length_u]);
        // the raw functions reach the same slot
        bench.put(500, &slot(&SELF, field, keys));
        assert_eq!(bench.call("sload", &[500, OUT, 64]), Ok(length));
        assert_eq!(typed(&mut bench, "sdelete", field, keys, &[]), (Ok(0), 5020));
        assert_eq!(typed(&mut bench, "sdelete", field, keys, &[]), (Ok(0), 5020));
        assert_eq!(typed(&mut bench, "sload", field, keys, &[OUT, 64]), (Ok(-1), 120));
        assert!(bench.end().0.storage.is_empty());
    }
}

#[test]
fn the_schema_refuses_by_code_in_its_order() {
    let address = [0x11; 32];
    // (field, keys, value length, code of a store); later mistakes are in earlier lines as well
    let cases: [(&[u8], Keys, i64, i64); 10] = [
        (b"nothing", &[b"x"], 3, -31),
        (b"", &[], 3, -31),
        (b"balance", &[&address], 16, -31),
        (b"counter", &[b"x"], 3, -32),
        (b"balances", &[], 3, -32),
        (b"allowances", &[&address], 3, -32),
        (b"balances", &[&address[..31]], 3, -33),
        (b"allowances", &[&address, b""], 16, -33),
        (b"balances", &[&address], 15, -34),
        (b"counter", &[], 9, -34),
    ];
    for (field, keys, length, code) in cases {
        let mut bench = Bench::new(Accounts::new(1), with_schema());
        let (result, used) = typed(&mut bench, "sstore", field, keys, &[VALUE, length]);
        assert_eq!((result, used), (Ok(code), 5020 + 32 * length as u64), "{}", String::from_utf8_lossy(field));
        let expected = if code == -34 { -1 } else { code };
        assert_eq!(typed(&mut bench, "sload", field, keys, &[OUT, 8]), (Ok(expected), 120), "{}", String::from_utf8_lossy(field));
        let expected = if code == -34 { 0 } else { code };
        assert_eq!(typed(&mut bench, "sdelete", field, keys, &[]), (Ok(expected), 5020));
        assert!(bench.end().0.storage.is_empty());
    }
    let mut bench = Bench::plain();
    for (verb, tail) in [("sload", &[OUT, 8][..]), ("sstore", &[VALUE, 8]), ("sdelete", &[])] {
        assert_eq!(typed(&mut bench, verb, b"counter", &[], tail).0, Ok(-30), "{verb}: no schema");
    }
}

#[test]
fn types_without_a_width_take_any_length() {
    let mut bench = Bench::new(Accounts::new(1), with_schema());
    for length in [0, 1, 100, 16384] {
        assert_eq!(typed(&mut bench, "sstore", b"name", &[], &[VALUE, length]).0, Ok(0));
        assert_eq!(typed(&mut bench, "sload", b"name", &[], &[OUT, 0]).0, Ok(length));
    }
    assert!(traps(&typed(&mut bench, "sstore", b"name", &[], &[VALUE, 16385]).0, "val_len is 16385"));
}

/// The slot's hash is free for what fields and keys usually are, and priced like the hash function beyond that.
#[test]
fn long_names_and_keys_pay_for_their_hash() {
    let word = entry("hash_poseidon2").per_word;
    let mut bench = Bench::new(Accounts::new(1), with_schema());
    let notes = |bench: &mut Bench, length: usize| typed(bench, "sload", b"notes", &[&[1], &vec![0; length], &[2; 32]], &[OUT, 8]).1;
    assert_eq!(notes(&mut bench, 64), 120);
    assert_eq!(notes(&mut bench, 65), 120 + word);
    assert_eq!(notes(&mut bench, 72), 120 + word);
    assert_eq!(notes(&mut bench, 73), 120 + 2 * word);
    assert_eq!(notes(&mut bench, 16384), 120 + (16384 - 64) / 8 * word);
    // a name of that length cannot be in a schema of this size, and is paid for before that is known
    assert_eq!(typed(&mut bench, "sload", &[b'n'; 80], &[], &[OUT, 8]), (Ok(-31), 120 + 2 * word));
    let key = [KEYS as i64, 16385];
    let args = [&[FIELD as i64, 5, KEYS as i64, 1][..], &key, &[KEYS as i64, 32, OUT, 8]].concat();
    assert!(traps(&bench.call("sload_map3", &args), "key_len is 16385"));
}

#[test]
fn the_charge_precedes_the_view_flag_and_the_view_flag_the_schema() {
    let mut bench = Bench::new(Accounts::new(1), FrameContext { view: true, ..context() });
    let (result, used) = typed(&mut bench, "sstore", b"counter", &[], &[VALUE, 8]);
    assert!(traps(&result, "sstore_scalar: the frame is a view"));
    assert_eq!(used, 5020 + 8 * 32);
    assert!(traps(&typed(&mut bench, "sdelete", b"counter", &[], &[]).0, "view"));
    assert_eq!(typed(&mut bench, "sload", b"counter", &[], &[OUT, 8]).0, Ok(-30));
}
