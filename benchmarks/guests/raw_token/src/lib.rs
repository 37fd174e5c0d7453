//! A token written by hand against the raw host functions: the guest of the throughput benchmark.
//!
//! As lean as a contract can be. The slot of a balance is the owner's address itself (slots are private to the contract). Every byte
//! that a transfer needs lives in one static frame, laid out so that nothing is ever copied: the calldata lands where topic 2 and the
//! event's data are, the caller where topic 1 is, and both addresses are read from there as slots.

#![no_std]

use core::mem::offset_of;

#[link(wasm_import_module = "pyde")]
unsafe extern "C" {
    fn calldata_copy(out: *mut u8, len: *mut u32) -> i32;
    fn caller(out: *mut u8) -> i32;
    fn sload(slot: *const u8, out: *mut u8, max: usize) -> i32;
    fn sstore(slot: *const u8, val: *const u8, len: usize);
    fn emit_event(topics: *const u8, count: usize, data: *const u8, len: usize) -> i32;
    #[link_name = "return"]
    fn finish(data: *const u8, len: usize) -> !;
    fn revert(reason: *const u8, len: usize) -> !;
}

/// Everything in one piece of memory, in the order in which the host functions want it.
#[repr(C, align(16))]
struct Frame {
    /// Blake3 of `Transfer(address,address,uint128)`.
    topic0: [u8; 32],
    from: [u8; 32],
    /// Calldata begins here: `to | amount`.
    to: [u8; 32],
    amount: u128,
    balance: u128,
    length: u32,
}

static mut FRAME: Frame = Frame {
    topic0: [
        0x71, 0xfb, 0xa7, 0x2c, 0x00, 0x05, 0xdd, 0x55, 0xae, 0xa6, 0x88, 0x39, 0x23, 0x21, 0x92, 0x31, 0x69, 0xfb, 0x06, 0xab, 0x0e, 0xc0,
        0xc3, 0xe3, 0x30, 0x73, 0x1c, 0xa5, 0x97, 0x9f, 0x4d, 0xb9,
    ],
    from: [0; 32],
    to: [0; 32],
    amount: 0,
    balance: 0,
    length: 0,
};

#[cold]
fn refuse(reason: &'static str) -> ! {
    // SAFETY: pointer and length of a live string.
    unsafe { revert(reason.as_ptr(), reason.len()) }
}

/// The frame. All pointers are made from this one, since several host functions cross the borders of fields.
#[derive(Clone, Copy)]
struct Cells(*mut Frame);

// What every SAFETY line below says "as above" to: the pointer is the one static frame, no reference into it is ever made, one export
// of an instance runs once, in one thread, and the host reads and writes the widths of the fields named.
impl Cells {
    #[inline(always)]
    fn new() -> Self {
        Self(&raw mut FRAME)
    }

    /// A pointer to a field, good for the whole frame.
    #[inline(always)]
    fn at(self, offset: usize) -> *mut u8 {
        // SAFETY: as above; the offset is a field's.
        unsafe { self.0.cast::<u8>().add(offset) }
    }

    #[inline(always)]
    fn amount(self) -> u128 {
        // SAFETY: as above.
        unsafe { (*self.0).amount }
    }

    /// Copies the calldata to a field; it must be exactly `N` bytes long.
    #[inline(always)]
    fn calldata<const N: u32>(self, offset: usize) {
        // SAFETY: as above; N bytes from the field on are inside the frame.
        let length = unsafe {
            (*self.0).length = N;
            calldata_copy(self.at(offset), &raw mut (*self.0).length);
            (*self.0).length
        };
        if length != N {
            core::arch::wasm32::unreachable()
        }
    }

    #[inline(always)]
    fn caller(self) {
        // SAFETY: as above.
        unsafe { caller(self.at(FROM)) };
    }

    /// The balance of the account whose address is in a field.
    #[inline(always)]
    fn load(self, owner: usize) -> u128 {
        // SAFETY: as above. Only 16-byte values are ever stored.
        let length = unsafe { sload(self.at(owner), self.at(BALANCE), 16) };
        // SAFETY: as above.
        if length < 0 { 0 } else { unsafe { (*self.0).balance } }
    }

    /// Writes the balance of the account whose address is in a field.
    #[inline(always)]
    fn store(self, owner: usize, balance: u128) {
        // SAFETY: as above.
        unsafe {
            (*self.0).balance = balance;
            sstore(self.at(owner), self.at(BALANCE), 16);
        }
    }
}

const TOPICS: usize = offset_of!(Frame, topic0);
const FROM: usize = offset_of!(Frame, from);
const TO: usize = offset_of!(Frame, to);
const AMOUNT: usize = offset_of!(Frame, amount);
const BALANCE: usize = offset_of!(Frame, balance);

/// The whole supply goes to the deployer. Calldata: `supply u128`.
#[unsafe(no_mangle)]
pub extern "C" fn init() {
    let cells = Cells::new();
    cells.calldata::<16>(AMOUNT);
    cells.caller();
    cells.store(FROM, cells.amount());
}

/// Calldata: `to [32] | amount u128`.
#[unsafe(no_mangle)]
pub extern "C" fn transfer() {
    let cells = Cells::new();
    cells.calldata::<48>(TO);
    cells.caller();
    let Some(left) = cells.load(FROM).checked_sub(cells.amount()) else { refuse("token: balance") };
    cells.store(FROM, left);
    // Read after the write: `to` may be `from`.
    let Some(sum) = cells.load(TO).checked_add(cells.amount()) else { refuse("token: overflow") };
    cells.store(TO, sum);
    // SAFETY: the three topics lie one behind the other; 16 bytes of data.
    unsafe { emit_event(cells.at(TOPICS), 3, cells.at(AMOUNT), 16) };
}

/// Calldata: `owner [32]`; gives a u128.
#[unsafe(no_mangle)]
pub extern "C" fn balance_of() {
    let cells = Cells::new();
    cells.calldata::<32>(TO);
    let balance = cells.load(TO);
    // SAFETY: as in `Cells`; 16 live bytes.
    unsafe {
        (*cells.0).balance = balance;
        finish(cells.at(BALANCE), 16)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
