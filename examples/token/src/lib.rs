//! A fungible token: a fixed supply, transfers, allowances.
//!
//! A transfer writes exactly the two balances, so that transfers between different accounts never touch the same state.

#![no_std]

use detent_sdk::{Address, Map1, Map2, OrRevert, Scalar, context, entries, event, require};

static TOTAL_SUPPLY: Scalar<u128> = Scalar::new("total_supply");
static BALANCES: Map1<Address, u128> = Map1::new("balances");
static ALLOWANCES: Map2<Address, Address, u128> = Map2::new("allowances");

event! {
    /// Tokens moved; from the zero address when they came into being.
    pub struct Transfer { from: Address [indexed], to: Address [indexed], amount: u128 }
    /// An owner allowed a spender this much in all.
    pub struct Approval { owner: Address [indexed], spender: Address [indexed], amount: u128 }
}

entries! { init, transfer, transfer_from, approve, balance_of, allowance, total_supply }

/// The whole supply goes to the deployer.
fn init(supply: u128) {
    let owner = context::caller();
    TOTAL_SUPPLY.set(&supply);
    BALANCES.set(&owner, &supply);
    Transfer { from: Address::ZERO, to: owner, amount: supply }.emit();
}

fn transfer(to: Address, amount: u128) {
    move_tokens(context::caller(), to, amount);
}

/// Spends the caller's allowance from `from`.
fn transfer_from(from: Address, to: Address, amount: u128) {
    let spender = context::caller();
    let left = ALLOWANCES.get(&from, &spender).checked_sub(amount).or_revert("token: allowance");
    ALLOWANCES.set(&from, &spender, &left);
    move_tokens(from, to, amount);
}

fn approve(spender: Address, amount: u128) {
    let owner = context::caller();
    ALLOWANCES.set(&owner, &spender, &amount);
    Approval { owner, spender, amount }.emit();
}

fn balance_of(owner: Address) -> u128 {
    BALANCES.get(&owner)
}

fn allowance(owner: Address, spender: Address) -> u128 {
    ALLOWANCES.get(&owner, &spender)
}

fn total_supply() -> u128 {
    TOTAL_SUPPLY.get()
}

fn move_tokens(from: Address, to: Address, amount: u128) {
    require!(to != Address::ZERO, "token: to nobody");
    let left = BALANCES.get(&from).checked_sub(amount).or_revert("token: balance");
    BALANCES.set(&from, &left);
    // Read after the write: `to` may be `from`.
    let sum = BALANCES.get(&to).checked_add(amount).or_revert("token: overflow");
    BALANCES.set(&to, &sum);
    Transfer { from, to, amount }.emit();
}
