//! What a running transaction works on: the block's uncommitted state, its events, and what its calls share.
//!
//! A [`TxWorld`] is moved by value into the frame that runs and out of it again, through a [`Seat`]: one owner at a time, no lock,
//! no unsafe code. A seat is empty only while a nested frame runs.

use crate::account::{Identity, Purse};
use crate::code::Loader;
use crate::events::Event;
use detent_engine::Exit;
use detent_host::{Address, Env, FrameContext, Moved, NestedCall, NestedEnded, Slot, World};
use detent_protocol::{Code, Fault};
use detent_state::{Key, Mark, Overlay};
use std::sync::Arc;

/// A frame's mark for reentrancy: whose storage, which function.
pub(crate) type Running = (Address, Arc<str>);

/// State and shared counters of a transaction; one serves a whole block.
pub struct TxWorld {
    pub(crate) env: Env,
    pub(crate) state: Overlay,
    pub(crate) loader: Arc<Loader>,
    /// Events of frames that have not been dropped.
    pub(crate) events: Vec<Event>,
    /// Frames on the stack, outermost first.
    pub(crate) running: Vec<Running>,
    /// Fuel that static calls may still use for nothing.
    pub(crate) free: u64,
}

/// Where to go back to when a frame fails.
pub(crate) struct Undo {
    state: Mark,
    events: usize,
}

impl TxWorld {
    /// A world over uncommitted state.
    pub fn new(env: Env, state: Overlay, loader: Arc<Loader>) -> TxWorld {
        TxWorld { env, state, loader, events: Vec::new(), running: Vec::new(), free: 0 }
    }

    /// Opens an undo unit.
    pub(crate) fn begin(&mut self) -> Undo {
        Undo { state: self.state.checkpoint(), events: self.events.len() }
    }

    /// Keeps what happened since.
    pub(crate) fn keep(&mut self, undo: Undo) {
        self.state.commit(undo.state);
    }

    /// Drops what happened since: state, moved value, events.
    pub(crate) fn drop_since(&mut self, undo: Undo) {
        self.state.revert(undo.state);
        self.events.truncate(undo.events);
    }

    /// Balance and nonces of an account; the default for an unknown one.
    pub fn purse(&mut self, address: &Address) -> Result<Purse, Fault> {
        match self.state.get(&Key::account(address))? {
            Some(bytes) => Purse::from_bytes(bytes),
            None => Ok(Purse::default()),
        }
    }

    /// Writes balance and nonces.
    pub(crate) fn set_purse(&mut self, address: &Address, purse: Purse) -> Result<(), Fault> {
        self.state.set(&Key::account(address), &purse.to_bytes())
    }

    /// Adds to a balance. False, and nothing happens, when it would exceed 128 bits.
    pub(crate) fn credit(&mut self, address: &Address, amount: u128) -> Result<bool, Fault> {
        let mut purse = self.purse(address)?;
        match purse.balance.checked_add(amount) {
            Some(balance) => {
                purse.balance = balance;
                self.set_purse(address, purse)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Kind, code and keys of an account; the default for one that has none.
    pub fn identity(&mut self, address: &Address) -> Result<Identity, Fault> {
        match self.state.get(&Key::identity(address))? {
            Some(bytes) => Identity::from_bytes(bytes),
            None => Ok(Identity::default()),
        }
    }

    /// Writes kind, code and keys.
    pub(crate) fn set_identity(&mut self, address: &Address, identity: &Identity) -> Result<(), Fault> {
        self.state.set(&Key::identity(address), &identity.to_bytes())
    }

    /// Hash of an account's code, if it has code.
    pub fn code_hash(&mut self, address: &Address) -> Result<Option<[u8; 32]>, Fault> {
        match self.state.get(&Key::identity(address))? {
            Some(bytes) => Identity::code_hash_in(bytes),
            None => Ok(None),
        }
    }

    /// Moves value between accounts.
    pub(crate) fn move_value(&mut self, from: &Address, to: &Address, amount: u128) -> Result<Moved, Fault> {
        if amount == 0 {
            return Ok(Moved::Done);
        }
        let mut payer = self.purse(from)?;
        let Some(rest) = payer.balance.checked_sub(amount) else { return Ok(Moved::Insufficient) };
        if from == to {
            return Ok(Moved::Done);
        }
        if !self.credit(to, amount)? {
            return Ok(Moved::Overflow);
        }
        payer.balance = rest;
        self.set_purse(from, payer)?;
        Ok(Moved::Done)
    }
}

/// Holds a [`TxWorld`] for a frame.
pub struct Seat(pub(crate) Option<Box<TxWorld>>);

impl Seat {
    /// The world; a fault when a nested frame lost it, which only a node's failure can cause.
    pub(crate) fn world(&mut self) -> Result<&mut TxWorld, Fault> {
        self.0.as_deref_mut().ok_or_else(lost)
    }
}

/// The world did not come back from a frame: the block cannot go on.
#[cold]
pub(crate) fn lost() -> Fault {
    Fault::new(Code::NodeFault, "a frame ended without giving back the state that it worked on")
}

impl World for Seat {
    fn env(&self) -> &Env {
        static NOWHERE: Env = Env { chain_id: 0, wave_id: 0, wave_timestamp: 0, beacon: [0; 32], fuel_per_gas: 1 };
        self.0.as_deref().map_or(&NOWHERE, |world| &world.env)
    }

    fn load(&mut self, owner: &Address, slot: &Slot) -> Result<Option<&[u8]>, Fault> {
        self.world()?.state.get(&Key::storage(owner, slot))
    }

    fn store(&mut self, owner: &Address, slot: &Slot, value: Option<&[u8]>) -> Result<(), Fault> {
        let key = Key::storage(owner, slot);
        let state = &mut self.world()?.state;
        match value {
            Some(value) => state.set(&key, value),
            None => state.delete(&key),
        }
    }

    fn balance(&mut self, address: &Address) -> Result<u128, Fault> {
        Ok(self.world()?.purse(address)?.balance)
    }

    fn transfer(&mut self, from: &Address, to: &Address, amount: u128) -> Result<Moved, Fault> {
        self.world()?.move_value(from, to, amount)
    }

    fn emit(&mut self, emitter: &Address, topics: Vec<[u8; 32]>, data: Vec<u8>) {
        if let Some(world) = self.0.as_deref_mut() {
            world.events.push(Event { emitter: *emitter, topics, data });
        }
    }

    fn nested(&mut self, caller: &FrameContext, call: NestedCall) -> Result<NestedEnded, Exit> {
        let world = self.0.take().ok_or_else(|| Exit::Node(lost()))?;
        let (world, ended) = crate::call::nested(world, caller, call);
        self.0 = world;
        ended
    }
}
