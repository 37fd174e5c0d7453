//! A world of accounts in maps: everything that [`World`] promises, for one block, without a chain.

use detent_engine::Exit;
use detent_host::{Address, Env, FrameContext, Moved, NestedCall, NestedEnded, Slot, World};
use detent_protocol::Fault;
use std::collections::BTreeMap;

/// An emitted event: emitter, topics, data.
pub type Event = (Address, Vec<[u8; 32]>, Vec<u8>);

#[derive(Clone, Debug)]
pub struct Accounts {
    pub env: Env,
    pub storage: BTreeMap<(Address, Slot), Vec<u8>>,
    pub balances: BTreeMap<Address, u128>,
    pub events: Vec<Event>,
    /// Calls asked for, with the view flag of the caller.
    pub asked: Vec<(NestedCall, bool)>,
    /// What nested calls answer.
    pub ended: Result<NestedEnded, Exit>,
    /// When set, every access of state is this fault.
    pub broken: Option<Fault>,
}

impl Accounts {
    pub fn new(fuel_per_gas: u64) -> Accounts {
        let env = Env { chain_id: 31337, wave_id: 1 << 40, wave_timestamp: u64::MAX - 5, beacon: [0xbe; 32], fuel_per_gas };
        let ended = Ok(NestedEnded { code: 0, output: Vec::new(), used: 0 });
        Accounts { env, storage: BTreeMap::new(), balances: BTreeMap::new(), events: Vec::new(), asked: Vec::new(), ended, broken: None }
    }

    fn whole(&self) -> Result<(), Fault> {
        self.broken.clone().map_or(Ok(()), Err)
    }
}

impl World for Accounts {
    fn env(&self) -> &Env {
        &self.env
    }

    fn load(&mut self, owner: &Address, slot: &Slot) -> Result<Option<&[u8]>, Fault> {
        self.whole()?;
        Ok(self.storage.get(&(*owner, *slot)).map(Vec::as_slice))
    }

    fn store(&mut self, owner: &Address, slot: &Slot, value: Option<&[u8]>) -> Result<(), Fault> {
        self.whole()?;
        match value {
            Some(value) => self.storage.insert((*owner, *slot), value.to_vec()),
            None => self.storage.remove(&(*owner, *slot)),
        };
        Ok(())
    }

    fn balance(&mut self, address: &Address) -> Result<u128, Fault> {
        self.whole()?;
        Ok(self.balances.get(address).copied().unwrap_or(0))
    }

    fn transfer(&mut self, from: &Address, to: &Address, amount: u128) -> Result<Moved, Fault> {
        let (have, theirs) = (self.balance(from)?, self.balance(to)?);
        let Some(left) = have.checked_sub(amount) else { return Ok(Moved::Insufficient) };
        let Some(sum) = theirs.checked_add(amount) else { return Ok(Moved::Overflow) };
        self.balances.insert(*from, left);
        self.balances.insert(*to, sum);
        Ok(Moved::Done)
    }

    fn emit(&mut self, emitter: &Address, topics: Vec<[u8; 32]>, data: Vec<u8>) {
        self.events.push((*emitter, topics, data));
    }

    fn nested(&mut self, caller: &FrameContext, call: NestedCall) -> Result<NestedEnded, Exit> {
        self.asked.push((call, caller.view));
        self.ended.clone()
    }
}
