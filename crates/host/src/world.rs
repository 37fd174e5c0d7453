//! What the host asks of the chain, and what it is told about the frame that it serves.

use crate::lazy_hash::LazyHash;
use detent_gate::abi::Schema;
use detent_protocol::Fault;
use std::sync::Arc;

/// 32-byte account address.
pub type Address = [u8; 32];
/// 32-byte storage slot, as contracts name it.
pub type Slot = [u8; 32];

/// What every frame of a block sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Env {
    /// Chain id.
    pub chain_id: u64,
    /// Block height ("wave").
    pub wave_id: u64,
    /// Block time, seconds.
    pub wave_timestamp: u64,
    /// The block's public random value.
    pub beacon: [u8; 32],
    /// Fuel per gas, a genesis constant, at least 1.
    pub fuel_per_gas: u64,
}

/// What one frame is.
#[derive(Clone, Debug)]
pub struct FrameContext {
    /// Owner of storage and balance.
    pub self_address: Address,
    /// Immediate caller.
    pub caller: Address,
    /// Sender of the transaction.
    pub origin: Address,
    /// Value moved with the call.
    pub value: u128,
    /// The call's data as the contract sees it.
    pub calldata: Vec<u8>,
    /// State-changing host functions trap.
    pub view: bool,
    /// 0 for the outermost.
    pub depth: u32,
    /// Hash of the transaction.
    pub tx_hash: LazyHash,
    /// State schema of the running code, if its ABI section has one.
    pub schema: Option<Arc<Schema>>,
}

/// How a contract calls another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `cross_call`.
    Call,
    /// `cross_call_static`.
    Static,
    /// `delegate_call`.
    Delegate,
}

/// A nested call, decoded and charged for its base and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedCall {
    /// Which host function.
    pub kind: CallKind,
    /// Whose code.
    pub target: Address,
    /// Function name.
    pub function: String,
    /// Its calldata.
    pub calldata: Vec<u8>,
    /// Value to move (0 unless `Call`).
    pub value: u128,
    /// Fuel that the caller forwards: min(its limit, what it has left).
    pub fuel: u64,
    /// The limit that the caller named, in fuel; `u64::MAX` when it named none (for work that is free to the caller).
    pub limit: u64,
    /// Logical stack of the caller at the call.
    pub rest: i32,
    /// Pages that the transaction may still use.
    pub pages: u32,
}

/// How a nested call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedEnded {
    /// 0 or a code of the ABI.
    pub code: i32,
    /// Return or revert bytes; empty on refusals and traps.
    pub output: Vec<u8>,
    /// Fuel to charge the caller.
    pub used: u64,
}

/// What moving value answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Done (or nothing to do).
    Done,
    /// The sender has less.
    Insufficient,
    /// The recipient's balance would exceed 128 bits.
    Overflow,
}

/// State and calls, as the chain provides them. Every `Fault` is the node's: it ends the block, never a frame.
pub trait World: Send + 'static {
    /// The block.
    fn env(&self) -> &Env;
    /// A storage value of `owner`; `None` when never written or deleted.
    fn load(&mut self, owner: &Address, slot: &Slot) -> Result<Option<&[u8]>, Fault>;
    /// Writes (`Some`) or deletes (`None`).
    fn store(&mut self, owner: &Address, slot: &Slot, value: Option<&[u8]>) -> Result<(), Fault>;
    /// Balance, 0 for an unknown address.
    fn balance(&mut self, address: &Address) -> Result<u128, Fault>;
    /// Moves value; creates the recipient.
    fn transfer(&mut self, from: &Address, to: &Address, amount: u128) -> Result<Moved, Fault>;
    /// Records an event of the running frame.
    fn emit(&mut self, emitter: &Address, topics: Vec<[u8; 32]>, data: Vec<u8>);
    /// Runs a nested call. `Err(Exit)`: depth or node trouble that ends the caller.
    fn nested(&mut self, caller: &FrameContext, call: NestedCall) -> Result<NestedEnded, detent_engine::Exit>;
}
