//! Uses every part of the guest library once, for the tests of the toolchain.

#![no_std]

use detent_sdk::{
    Address, Bytes, Call, CallError, Map1, Map2, Map3, OrRevert, Scalar, String, Vec, account, context, crypto, entries, event, hash, raw,
    record, require, revert, storage::slot, unit_enum,
};

record! {
    /// A record with every kind of field.
    pub struct Order { id: u64, maker: Address, amount: i128, status: Status, tags: Vec<u16>, note: Option<String> }
}

unit_enum! {
    pub enum Status { Pending, Active, Cancelled }
}

event! {
    pub struct Noted { number: i32 [indexed], yes: bool [indexed], hash: [u8; 32] [indexed], text: String, data: Bytes, list: Vec<u8> }
    pub struct Empty {}
}

static TEXT: Scalar<String> = Scalar::new("text");
static BLOB: Scalar<Bytes> = Scalar::new("blob");
static LIST: Scalar<Vec<u16>> = Scalar::new("list");
static LAST: Scalar<Order> = Scalar::new("last");
static NAMES: Map1<String, u8> = Map1::new("names");
static PAIRS: Map2<u16, bool, i64> = Map2::new("pairs");
static TRIPLES: Map3<Bytes, [u8; 32], Address, u128> = Map3::new("triples");
static ABSENT: Scalar<u64> = Scalar::new("absent");
static NARROW: Scalar<u32> = Scalar::new("wide");

entries! {
    echo, nothing, store, stored, forget, keys, note, context_bytes, hashes, ask, slots, refuse, panics, grow, missing_field, wrong_width, pay
}

#[allow(clippy::too_many_arguments)]
fn echo(order: Order, list: Vec<Order>, text: String, data: Bytes, small: i8, flag: bool, hash: [u8; 32], pair: Option<u32>) -> Order {
    require!(list.len() == 2 && text == "text" && data.0 == [1, 2, 3], "probe: arguments");
    require!(small == -5 && flag && hash == [7; 32] && pair == Some(9), "probe: more arguments");
    order
}

fn nothing() {}

fn store(text: String, data: Bytes, list: Vec<u16>, order: Order) {
    TEXT.set(&text);
    BLOB.set(&data);
    LIST.set(&list);
    LAST.set(&order);
}

fn stored() -> Vec<Bytes> {
    use detent_sdk::Encode;
    [
        Bytes(TEXT.get().to_bytes()),
        Bytes(BLOB.get().to_bytes()),
        Bytes(LIST.get().to_bytes()),
        Bytes(LAST.load().map(|order| order.to_bytes()).unwrap_or_default()),
    ]
    .into()
}

fn forget() -> bool {
    TEXT.delete();
    BLOB.delete();
    LIST.delete();
    LAST.delete();
    TEXT.load().is_none() && BLOB.load().is_none() && LIST.load().is_none() && LAST.load().is_none()
}

fn keys(name: String, number: u16, address: Address) -> bool {
    let blob = Bytes([1, 2].into());
    NAMES.set(&name, &5);
    PAIRS.set(&number, &true, &-6);
    TRIPLES.set(&blob, &[9; 32], &address, &7);
    let found = (NAMES.get(&name), PAIRS.get(&number, &true), TRIPLES.get(&blob, &[9; 32], &address));
    let other = (NAMES.load(&"other".into()), PAIRS.load(&number, &false), TRIPLES.load(&blob, &[8; 32], &address));
    PAIRS.delete(&number, &true);
    found == (5, -6, 7) && other == (None, None, None) && PAIRS.load(&number, &true).is_none()
}

fn note(number: i32, text: String) {
    Noted { number, yes: true, hash: [3; 32], text, data: Bytes([4].into()), list: [5, 6].into() }.emit();
    Empty {}.emit();
}

fn context_bytes() -> Bytes {
    let mut out = Vec::new();
    for address in [context::caller(), context::origin(), context::self_address()] {
        out.extend_from_slice(&address.0);
    }
    out.extend_from_slice(&context::tx_hash());
    out.extend_from_slice(&context::beacon());
    for number in [context::wave_id(), context::wave_timestamp(), context::chain_id()] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&context::value().to_le_bytes());
    out.extend_from_slice(&account::balance(&context::self_address()).to_le_bytes());
    Bytes(out)
}

fn hashes(data: Bytes) -> Vec<[u8; 32]> {
    [hash::blake3(&data.0), hash::keccak256(&data.0), hash::poseidon2(&data.0)].into()
}

/// One byte says how the call of `target` went, the rest what came of it.
fn ask(target: Address, function: String, data: u64, mode: u8) -> Bytes {
    let call = Call::new(&target, &function).gas(1_000_000);
    let answer: Result<u64, CallError> = match mode {
        0 => call.send(&(data,)),
        1 => call.send_static(&(data,)),
        2 => call.delegate(&(data,)),
        _ => call.value(u128::from(mode)).send(&(data,)),
    };
    let (code, rest): (u8, Vec<u8>) = match answer {
        Ok(number) => (0, number.to_le_bytes().into()),
        Err(CallError::Failed(words)) => (1, words),
        Err(CallError::OutOfGas) => (2, Vec::new()),
        Err(CallError::InsufficientBalance) => (3, Vec::new()),
        Err(CallError::NotPayable) => (4, Vec::new()),
        Err(CallError::NoSuchFunction) => (5, Vec::new()),
        Err(CallError::Reentrancy) => (6, Vec::new()),
        Err(CallError::NotView) => (7, Vec::new()),
        Err(CallError::Garbled) => (8, Vec::new()),
        Err(CallError::Other(_)) => (9, Vec::new()),
    };
    let mut out = Vec::with_capacity(1 + rest.len());
    out.push(code);
    out.extend_from_slice(&rest);
    Bytes(out)
}

fn slots(slot: [u8; 32]) -> bool {
    let before = slot::load::<u64>(&slot);
    slot::store(&slot, &5u64);
    let between = slot::load::<u64>(&slot);
    slot::delete(&slot);
    (before, between, slot::load::<u64>(&slot)) == (None, Some(5), None)
}

fn refuse(code: u64) -> u64 {
    (code > 1).then_some(code).or_revert("probe: too small");
    revert("probe: too large")
}

fn panics(at: u32) -> u8 {
    [1u8, 2, 3][at as usize]
}

/// Allocates far beyond the first page.
fn grow(pages: u32) -> u32 {
    let mut lists = Vec::new();
    for i in 0..pages {
        let mut list = Vec::with_capacity(65536);
        list.resize(65536, i as u8);
        lists.push(list);
    }
    lists.iter().map(|list| list.iter().map(|byte| u32::from(*byte)).sum::<u32>()).sum()
}

fn missing_field() -> u64 {
    ABSENT.get()
}

fn wrong_width() {
    NARROW.set(&1);
}

fn pay(to: Address, amount: u128) -> bool {
    account::transfer(&to, amount)
}

/// Mentions every host function; never run. Its name begins with `_`, so that it needs no declaration.
#[unsafe(no_mangle)]
extern "C" fn _every_import() {
    let (c, m, len) = (core::ptr::null::<u8>(), core::ptr::null_mut::<u8>(), core::ptr::null_mut::<u32>());
    // SAFETY: never run, and the host checks every pointer.
    unsafe {
        let mut sum = raw::sload(c, m, 0);
        raw::sstore(c, c, 0);
        raw::sdelete(c);
        sum += raw::sstore_scalar(c, 0, c, 0) + raw::sload_scalar(c, 0, m, 0) + raw::sdelete_scalar(c, 0);
        sum += raw::sstore_map1(c, 0, c, 0, c, 0) + raw::sload_map1(c, 0, c, 0, m, 0) + raw::sdelete_map1(c, 0, c, 0);
        sum += raw::sstore_map2(c, 0, c, 0, c, 0, c, 0) + raw::sload_map2(c, 0, c, 0, c, 0, m, 0) + raw::sdelete_map2(c, 0, c, 0, c, 0);
        sum += raw::sstore_map3(c, 0, c, 0, c, 0, c, 0, c, 0) + raw::sload_map3(c, 0, c, 0, c, 0, c, 0, m, 0);
        sum += raw::sdelete_map3(c, 0, c, 0, c, 0, c, 0);
        raw::balance(c, m);
        sum += raw::transfer(c, c) + raw::caller(m) + raw::origin(m) + raw::self_address(m) + raw::beacon_get(m);
        sum += (raw::wave_id() + raw::wave_timestamp() + raw::chain_id() + raw::tx_gas_remaining()) as i32;
        raw::tx_hash(m);
        raw::tx_value(m);
        sum += raw::calldata_size() + raw::calldata_copy(m, len) + raw::emit_event(c, 0, c, 0);
        raw::hash_blake3(c, 0, m);
        raw::hash_poseidon2(c, 0, m);
        raw::hash_keccak256(c, 0, m);
        sum += i32::from(crypto::falcon_verify(&[0; 897], &[], &[]));
        sum += raw::cross_call(c, c, 0, c, 0, c, 0, m, len) + raw::cross_call_static(c, c, 0, c, 0, 0, m, len);
        sum += raw::delegate_call(c, c, 0, c, 0, 0, m, len);
        raw::consume_gas(0);
        if sum == 0 { raw::return_(c, 0) } else { raw::revert(c, 0) }
    }
}
