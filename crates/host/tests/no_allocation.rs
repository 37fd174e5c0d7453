//! The paths that contracts take most allocate nothing on the host's side.

mod common;

use common::call::{Guest, context, entry, imports};
use detent_engine::{Exit, Host};
use detent_host::{Address, Env, FrameContext, Function, HostFrame, ImportTable, Moved, NestedCall, NestedEnded, Slot, World};
use detent_protocol::Fault;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

// SAFETY: every method is the system allocator's own with the same arguments; counting touches a thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One slot of 16 bytes, so that whatever is allocated is the host's.
struct OneSlot {
    env: Env,
    value: [u8; 16],
}

impl World for OneSlot {
    fn env(&self) -> &Env {
        &self.env
    }
    fn load(&mut self, _: &Address, _: &Slot) -> Result<Option<&[u8]>, Fault> {
        Ok(Some(&self.value))
    }
    fn store(&mut self, _: &Address, _: &Slot, value: Option<&[u8]>) -> Result<(), Fault> {
        self.value.copy_from_slice(value.expect("16 bytes"));
        Ok(())
    }
    fn balance(&mut self, _: &Address) -> Result<u128, Fault> {
        Ok(7)
    }
    fn transfer(&mut self, _: &Address, _: &Address, _: u128) -> Result<Moved, Fault> {
        Ok(Moved::Done)
    }
    fn emit(&mut self, _: &Address, _: Vec<[u8; 32]>, _: Vec<u8>) {}
    fn nested(&mut self, _: &FrameContext, _: NestedCall) -> Result<NestedEnded, Exit> {
        Err(Exit::OutOfGas)
    }
}

#[test]
fn storage_context_and_hashes_allocate_nothing() {
    let schema = {
        use detent_gate::abi::{FieldKind, ScalarType, Schema, StateField, StateSchema};
        let kind = FieldKind::Map { keys: vec![ScalarType::Address], value: ScalarType::U128 };
        Schema::new(&StateSchema { fields: vec![StateField { name: "balances".into(), kind }] })
    };
    let env = Env { chain_id: 1, wave_id: 2, wave_timestamp: 3, beacon: [4; 32], fuel_per_gas: 1 };
    let table = ImportTable::new(&imports()).unwrap();
    let context = FrameContext { schema: Some(schema.into()), ..context() };
    let mut host = HostFrame::new(OneSlot { env, value: [0; 16] }, context, &table);
    let mut guest = Guest { memory: vec![0; 65536], fuel: 1 << 50 };
    guest.memory[1000..1008].copy_from_slice(b"balances");
    guest.memory[2000] = 20;
    let mut call = |name: &str, args: &[u64]| {
        let import = Function::ALL.iter().position(|f| f.name() == name).unwrap();
        assert_eq!(args.len(), entry(name).params.len());
        let before = ALLOCATIONS.with(Cell::get);
        host.call(import, args, &mut guest).unwrap();
        ALLOCATIONS.with(Cell::get) - before
    };
    // the first typed access of a thread makes the memory of slots
    assert!(call("sload_map1", &[1000, 8, 0, 32, 100, 16]) <= 1);
    for round in 0..100 {
        for (name, args) in [
            ("sload", &[0, 100, 16][..]),
            ("sstore", &[0, 100, 16]),
            ("sload_map1", &[1000, 8, round, 32, 100, 16]),
            ("sstore_map1", &[1000, 8, round, 32, 100, 16]),
            ("caller", &[100]),
            ("balance", &[0, 100]),
            ("transfer", &[0, 100]),
            ("tx_gas_remaining", &[]),
            ("calldata_copy", &[3000, 2000]),
            ("hash_blake3", &[0, 64, 100]),
            ("hash_poseidon2", &[0, 64, 100]),
            ("hash_keccak256", &[0, 64, 100]),
        ] {
            assert_eq!(call(name, args), 0, "{name}");
        }
    }
}
