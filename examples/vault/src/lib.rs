//! Keeps other people's tokens: deposits pull them from the token contract, withdrawals pay them out.

#![no_std]

use detent_sdk::{Address, Call, CallError, Map1, OrRevert, Scalar, context, entries, event, require, revert};

static TOKEN: Scalar<Address> = Scalar::new("token");
static DEPOSITS: Map1<Address, u128> = Map1::new("deposits");

event! {
    /// Tokens came in.
    pub struct Deposited { owner: Address [indexed], amount: u128 }
    /// Tokens were paid out.
    pub struct Withdrawn { owner: Address [indexed], amount: u128 }
}

entries! { init, deposit, withdraw, balance_of, token }

/// The token that this vault keeps. The vault trusts it.
fn init(token: Address) {
    require!(token != Address::ZERO, "vault: no token");
    TOKEN.set(&token);
}

/// Pulls tokens that the caller has approved for the vault; gives the new deposit.
fn deposit(amount: u128) -> u128 {
    let owner = context::caller();
    let pulled: Result<(), CallError> = Call::new(&TOKEN.get(), "transfer_from").send(&(owner, context::self_address(), amount));
    settled(pulled);
    let sum = DEPOSITS.get(&owner).checked_add(amount).or_revert("vault: overflow");
    DEPOSITS.set(&owner, &sum);
    Deposited { owner, amount }.emit();
    sum
}

/// Pays the caller's tokens out; gives what is left.
fn withdraw(amount: u128) -> u128 {
    let owner = context::caller();
    let left = DEPOSITS.get(&owner).checked_sub(amount).or_revert("vault: balance");
    // Written before the call: whoever is called finds the books closed.
    DEPOSITS.set(&owner, &left);
    settled(Call::new(&TOKEN.get(), "transfer").send(&(owner, amount)));
    Withdrawn { owner, amount }.emit();
    left
}

fn balance_of(owner: Address) -> u128 {
    DEPOSITS.get(&owner)
}

fn token() -> Address {
    TOKEN.get()
}

/// A refusal of the token refuses the whole call, in the token's own words when it has any.
fn settled(answer: Result<(), CallError>) {
    match answer {
        Ok(()) => {}
        Err(CallError::Failed(words)) => revert(core::str::from_utf8(&words).unwrap_or("vault: token failed")),
        Err(_) => revert("vault: token unreachable"),
    }
}
