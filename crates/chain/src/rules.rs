//! What holds for every transaction of a block, and what the block has used so far.

use crate::genesis::Genesis;

/// The constants of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Chain id.
    pub chain_id: u64,
    /// Takes unsigned transactions and endowments.
    pub dev: bool,
    /// Fuel per gas.
    pub fuel_per_gas: u64,
    /// Gas of a block.
    pub wave_gas: u64,
    /// Fuel of a transaction.
    pub tx_fuel: u64,
    /// Fuel of a block.
    pub wave_fuel: u64,
    /// Quanta per gas.
    pub base_fee: u128,
}

impl Rules {
    /// Of a chain, at a base fee.
    pub fn new(genesis: &Genesis, base_fee: u128) -> Rules {
        Rules {
            chain_id: genesis.chain_id,
            dev: genesis.dev,
            fuel_per_gas: genesis.fuel_per_gas,
            wave_gas: genesis.wave_gas,
            tx_fuel: genesis.tx_fuel,
            wave_fuel: genesis.wave_fuel,
            base_fee,
        }
    }
}

/// Sums over a block's transactions so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many there are.
    pub transactions: u32,
    /// Gas.
    pub gas_used: u64,
    /// Fuel.
    pub fuel_used: u64,
    /// Quanta, credited at the end of the block so that no account serialises it.
    pub fees: u128,
}
