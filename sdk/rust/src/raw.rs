//! The host functions as they are: module `pyde`, types and names of `python/detent/protocol/host.toml`.
//!
//! Pointers paired with length 0 are never read. `*mut u32` cells hold a capacity going in and the true length coming out.
//! Outside wasm32 there is no host: the functions panic there, so that a contract's pure parts can be tested natively.

macro_rules! host {
    ($($(#[doc = $doc:literal])* $name:ident = $link:literal ($($arg:ident: $ty:ty),*) $(-> $result:ty)?;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "pyde")]
        unsafe extern "C" {
            $($(#[doc = $doc])* #[link_name = $link] pub fn $name($($arg: $ty),*) $(-> $result)?;)*
        }
        $(
            $(#[doc = $doc])*
            /// # Safety
            /// Only exists on wasm32.
            #[cfg(not(target_arch = "wasm32"))]
            #[allow(clippy::too_many_arguments)] // as many as the ABI says
            pub unsafe fn $name($($arg: $ty),*) $(-> $result)? {
                let _ = ($($arg,)*);
                unimplemented!(concat!("host function ", $link, " outside of a chain"))
            }
        )*
    };
}

host! {
    /// Reads a raw slot: the stored length, or -1.
    sload = "sload" (slot: *const u8, out: *mut u8, out_max: usize) -> i32;
    /// Writes a raw slot.
    sstore = "sstore" (slot: *const u8, val: *const u8, val_len: usize);
    /// Deletes a raw slot.
    sdelete = "sdelete" (slot: *const u8);
    /// Writes a scalar field: 0 or a schema code -30 to -34.
    sstore_scalar = "sstore_scalar" (field: *const u8, field_len: usize, val: *const u8, val_len: usize) -> i32;
    /// Reads a scalar field: the stored length, -1 or a schema code -30 to -34.
    sload_scalar = "sload_scalar" (field: *const u8, field_len: usize, out: *mut u8, out_max: usize) -> i32;
    /// Deletes a scalar field: 0 or a schema code -30 to -34.
    sdelete_scalar = "sdelete_scalar" (field: *const u8, field_len: usize) -> i32;
    /// Writes an entry of a map: 0 or a schema code -30 to -34.
    sstore_map1 = "sstore_map1" (field: *const u8, field_len: usize, key: *const u8, key_len: usize, val: *const u8, val_len: usize) -> i32;
    /// Reads an entry of a map: the stored length, -1 or a schema code -30 to -34.
    sload_map1 = "sload_map1" (field: *const u8, field_len: usize, key: *const u8, key_len: usize, out: *mut u8, out_max: usize) -> i32;
    /// Deletes an entry of a map: 0 or a schema code -30 to -34.
    sdelete_map1 = "sdelete_map1" (field: *const u8, field_len: usize, key: *const u8, key_len: usize) -> i32;
    /// Writes an entry of a map with two keys: 0 or a schema code -30 to -34.
    sstore_map2 = "sstore_map2" (field: *const u8, field_len: usize, k1: *const u8, k1_len: usize, k2: *const u8, k2_len: usize, val: *const u8, val_len: usize) -> i32;
    /// Reads an entry of a map with two keys: the stored length, -1 or a schema code -30 to -34.
    sload_map2 = "sload_map2" (field: *const u8, field_len: usize, k1: *const u8, k1_len: usize, k2: *const u8, k2_len: usize, out: *mut u8, out_max: usize) -> i32;
    /// Deletes an entry of a map with two keys: 0 or a schema code -30 to -34.
    sdelete_map2 = "sdelete_map2" (field: *const u8, field_len: usize, k1: *const u8, k1_len: usize, k2: *const u8, k2_len: usize) -> i32;
    /// Writes an entry of a map with three keys: 0 or a schema code -30 to -34.
    sstore_map3 = "sstore_map3" (field: *const u8, field_len: usize, k1: *const u8, k1_len: usize, k2: *const u8, k2_len: usize, k3: *const u8, k3_len: usize, val: *const u8, val_len: usize) -> i32;
    /// Reads an entry of a map with three keys: the stored length, -1 or a schema code -30 to -34.
    sload_map3 = "sload_map3" (field: *const u8, field_len: usize, k1: *const u8, k1_len: usize, k2: *const u8, k2_len: usize, k3: *const u8, k3_len: usize, out: *mut u8, out_max: usize) -> i32;
    /// Deletes an entry of a map with three keys: 0 or a schema code -30 to -34.
    sdelete_map3 = "sdelete_map3" (field: *const u8, field_len: usize, k1: *const u8, k1_len: usize, k2: *const u8, k2_len: usize, k3: *const u8, k3_len: usize) -> i32;
    /// An account's balance, 16 bytes.
    balance = "balance" (addr: *const u8, out: *mut u8);
    /// Moves native value from this contract: 0 or -3.
    transfer = "transfer" (to: *const u8, amount: *const u8) -> i32;
    /// Immediate caller, 32 bytes.
    caller = "caller" (out: *mut u8) -> i32;
    /// Sender of the transaction, 32 bytes.
    origin = "origin" (out: *mut u8) -> i32;
    /// Address of this contract, 32 bytes.
    self_address = "self_address" (out: *mut u8) -> i32;
    /// Block height.
    wave_id = "wave_id" () -> i64;
    /// Block time, seconds.
    wave_timestamp = "wave_timestamp" () -> i64;
    /// Chain id.
    chain_id = "chain_id" () -> i64;
    /// Hash of the transaction, 32 bytes.
    tx_hash = "tx_hash" (out: *mut u8);
    /// Value of the call, 16 bytes.
    tx_value = "tx_value" (out: *mut u8);
    /// Gas left in this frame.
    tx_gas_remaining = "tx_gas_remaining" () -> i64;
    /// Length of the calldata.
    calldata_size = "calldata_size" () -> i32;
    /// Copies the calldata; `len` holds the capacity, then the true length.
    calldata_copy = "calldata_copy" (out: *mut u8, len: *mut u32) -> i32;
    /// Records an event: 0 or -1.
    emit_event = "emit_event" (topics: *const u8, count: usize, data: *const u8, data_len: usize) -> i32;
    /// Blake3, 32 bytes.
    hash_blake3 = "hash_blake3" (input: *const u8, in_len: usize, out: *mut u8);
    /// Poseidon2, 32 bytes.
    hash_poseidon2 = "hash_poseidon2" (input: *const u8, in_len: usize, out: *mut u8);
    /// Keccak-256, 32 bytes.
    hash_keccak256 = "hash_keccak256" (input: *const u8, in_len: usize, out: *mut u8);
    /// Verifies a Falcon-512 signature: 0 or -17.
    falcon_verify = "falcon_verify" (pk: *const u8, msg: *const u8, msg_len: usize, sig: *const u8, sig_len: usize) -> i32;
    /// Calls another contract.
    cross_call = "cross_call" (target: *const u8, name: *const u8, name_len: usize, calldata: *const u8, calldata_len: usize, value: *const u8, gas_limit: i64, ret: *mut u8, ret_len: *mut u32) -> i32;
    /// Calls a view of another contract.
    cross_call_static = "cross_call_static" (target: *const u8, name: *const u8, name_len: usize, calldata: *const u8, calldata_len: usize, gas_limit: i64, ret: *mut u8, ret_len: *mut u32) -> i32;
    /// Runs another contract's code on this frame.
    delegate_call = "delegate_call" (target: *const u8, name: *const u8, name_len: usize, calldata: *const u8, calldata_len: usize, gas_limit: i64, ret: *mut u8, ret_len: *mut u32) -> i32;
    /// Ends the frame as success.
    return_ = "return" (data: *const u8, len: usize) -> !;
    /// Ends the frame as failure.
    revert = "revert" (reason: *const u8, len: usize) -> !;
    /// Burns gas.
    consume_gas = "consume_gas" (amount: i64);
    /// The block's public random value, 32 bytes.
    beacon_get = "beacon_get" (out: *mut u8) -> i32;
}
