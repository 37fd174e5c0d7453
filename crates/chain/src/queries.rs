//! What a [`Chain`] can be asked. Accounts, storage and code are those of the open block if there is one; blocks, receipts and proofs are
//! sealed.

use crate::account::Account;
use crate::block::Block;
use crate::chain::Chain;
use crate::receipt::Receipt;
use crate::tables;
use crate::transaction::Transaction;
use crate::world::TxWorld;
use detent_host::{Address, Slot};
use detent_protocol::{Code, Fault};
use detent_state::{Key, Proof, Reader};

impl Chain {
    fn world(&mut self) -> Result<&mut TxWorld, Fault> {
        self.opened().world()
    }

    /// The account's record; `None` for an account that nothing is known of.
    pub fn account(&mut self, address: &Address) -> Result<Option<Account>, Fault> {
        let world = self.world()?;
        let known = world.state.get(&Key::account(address))?.is_some() || world.state.get(&Key::identity(address))?.is_some();
        let (purse, identity) = (world.purse(address)?, world.identity(address)?);
        Ok(known.then(|| Account::new(*address, purse, identity)))
    }

    /// Quanta of an account, 0 for an unknown one.
    pub fn balance(&mut self, address: &Address) -> Result<u128, Fault> {
        Ok(self.world()?.purse(address)?.balance)
    }

    /// The lowest unused nonce.
    pub fn nonce(&mut self, address: &Address) -> Result<u64, Fault> {
        Ok(self.world()?.purse(address)?.nonces.base)
    }

    /// A storage value.
    pub fn storage(&mut self, address: &Address, slot: &Slot) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.world()?.state.get(&Key::storage(address, slot))?.map(<[u8]>::to_vec))
    }

    /// The code of a contract as deployed; `None` without code.
    pub fn code(&mut self, address: &Address) -> Result<Option<Vec<u8>>, Fault> {
        let world = self.world()?;
        let Some(hash) = world.code_hash(address)? else { return Ok(None) };
        Ok(world.state.get(&Key::code(&hash))?.map(<[u8]>::to_vec))
    }

    /// The last sealed state, for reading from other threads while the chain goes on.
    pub fn reader(&self) -> Reader {
        self.state.reader()
    }

    /// The proof that a key of the last sealed state has its value, or none, under [`Header::state_root`].
    pub fn prove(&self, key: &Key) -> Result<Proof, Fault> {
        self.state.prove(key)
    }

    /// A sealed block. Fault `block_unknown` above the height.
    pub fn block(&self, height: u64) -> Result<Block, Fault> {
        tables::block(&self.state.reader(), height)?.ok_or_else(|| Fault::new(Code::BlockUnknown, format!("block {height}")))
    }

    /// Height of the block of that hash.
    pub fn height_of(&self, hash: &[u8; 32]) -> Result<Option<u64>, Fault> {
        tables::height_of(&self.state.reader(), hash)
    }

    /// All receipts of a sealed block, in order.
    pub fn receipts(&self, height: u64) -> Result<Vec<Receipt>, Fault> {
        tables::receipts(&self.state.reader(), height)
    }

    /// The receipt of a transaction in a sealed block.
    pub fn receipt(&self, tx_hash: &[u8; 32]) -> Result<Option<Receipt>, Fault> {
        let reader = self.state.reader();
        match tables::place_of(&reader, tx_hash)? {
            Some((height, index)) => tables::receipt(&reader, height, index),
            None => Ok(None),
        }
    }

    /// A transaction in a sealed block, by its hash.
    pub fn transaction(&self, tx_hash: &[u8; 32]) -> Result<Option<Transaction>, Fault> {
        let reader = self.state.reader();
        let Some((height, index)) = tables::place_of(&reader, tx_hash)? else { return Ok(None) };
        let block = tables::block(&reader, height)?;
        Ok(block.and_then(|block| block.transactions.into_iter().nth(index as usize)))
    }
}
