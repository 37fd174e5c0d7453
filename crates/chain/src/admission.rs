//! What a transaction must fulfil to be in a block at all. One that does not leaves no trace, not even a fee; each reason has its
//! own code of the catalogue.

use crate::account::{AccountKind, AuthKeys, PublicKey, Purse};
use crate::address;
use crate::fees;
use crate::nonce::NonceRefusal;
use crate::rules::{Rules, Totals};
use crate::transaction::{FeePayer, Transaction, TxKind};
use crate::world::TxWorld;
use detent_host::LazyHash;
use detent_protocol::{Code, Fault, HostTable};
use detent_state::{Key, Reader, workers};
use rayon::prelude::*;

/// Why a transaction was not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may not be in this block.
    Refused(Fault),
    /// The node could not go on; nothing was decided.
    Node(Fault),
}

impl Failure {
    /// The error, whichever it is.
    pub fn into_fault(self) -> Fault {
        match self {
            Failure::Refused(fault) | Failure::Node(fault) => fault,
        }
    }
}

/// Faults of state are the node's; refusals are made by [`refuse`].
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Node(fault)
    }
}

fn refuse<T>(code: Code, why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(Fault::new(code, why)))
}

/// What is known of a signature before the transaction's turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Signature {
    /// It verifies under the sender's keys; keys never change once registered.
    Valid,
    /// It does not.
    Invalid(Fault),
    /// The sender had no keys in committed state: looked at again at its turn, for the registration may be in the same block.
    Unknown,
    /// None is needed: registrations, and unsigned transactions of development chains.
    Exempt,
}

/// A transaction with its hash, its signature looked at. Making one is the costly, parallel part of admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The transaction.
    pub tx: Transaction,
    /// Its hash.
    pub hash: LazyHash,
    signature: Signature,
}

impl Checked {
    /// Hashes the transaction and verifies its signature under the keys in committed state.
    pub fn new(tx: Transaction, state: &Reader, dev: bool) -> Result<Checked, Fault> {
        let exempt = matches!(tx.kind, TxKind::RegisterPubkey | TxKind::Endow) || (dev && tx.signature.is_empty());
        let (hash, signature) = if exempt {
            let copy = tx.clone();
            (LazyHash::new(move || copy.hash()), Signature::Exempt)
        } else {
            let hash = tx.hash();
            let keys = match state.get(&Key::identity(&tx.from))? {
                Some(bytes) => crate::account::Identity::from_bytes(&bytes)?.keys,
                None => AuthKeys::None,
            };
            let signature = match (&keys, tx.verify(&hash, &keys)) {
                (AuthKeys::None, _) => Signature::Unknown,
                (_, Ok(())) => Signature::Valid,
                (_, Err(fault)) => Signature::Invalid(fault),
            };
            (hash.into(), signature)
        };
        Ok(Checked { tx, hash, signature })
    }

    /// Decodes what clients sent and checks it, on all cores. The outer fault is the node's; inner ones are refusals.
    pub fn batch(transactions: &[impl AsRef<[u8]> + Sync], state: &Reader, dev: bool) -> Result<Vec<Result<Checked, Fault>>, Fault> {
        let one = |bytes: &_| match Transaction::from_wire(AsRef::<[u8]>::as_ref(bytes)) {
            Ok(tx) => Checked::new(tx, state, dev).map(Ok),
            Err(fault) => Ok(Err(fault)),
        };
        workers()?.install(|| transactions.par_iter().map(one).collect())
    }

    /// As [`Checked::batch`], from decoded transactions.
    pub fn decoded(transactions: Vec<Transaction>, state: &Reader, dev: bool) -> Result<Vec<Checked>, Fault> {
        workers()?.install(|| transactions.into_par_iter().map(|tx| Checked::new(tx, state, dev)).collect())
    }
}

/// What an admitted transaction takes from its sender before its work begins.
pub(crate) struct Debit {
    /// The sender's purse without it; `None` when nothing is taken.
    pub purse: Option<Purse>,
    /// Quanta: the whole gas limit at the base fee.
    pub bound: u128,
}

const NOTHING: Debit = Debit { purse: None, bound: 0 };

/// Checks everything, changes nothing.
pub(crate) fn admit(world: &mut TxWorld, checked: &Checked, rules: &Rules, totals: &Totals) -> Result<Debit, Failure> {
    let tx = &checked.tx;
    tx.check_size().map_err(Failure::Refused)?;
    if tx.chain_id != rules.chain_id {
        return refuse(Code::ChainIdMismatch, format!("signed for chain {}, this is {}", tx.chain_id, rules.chain_id));
    }
    if tx.deadline.is_some_and(|deadline| deadline < world.env.wave_id) {
        return refuse(Code::DeadlinePassed, format!("the deadline was block {}", tx.deadline.unwrap_or_default()));
    }
    match tx.kind {
        TxKind::Standard => gas(tx, rules, totals)?,
        TxKind::Deploy if tx.to != address::ZERO => return refuse(Code::TxKindUnsupported, "a deployment has recipient zero"),
        TxKind::Deploy => gas(tx, rules, totals)?,
        TxKind::RegisterPubkey => return register(world, tx).map(|()| NOTHING),
        TxKind::Endow if !rules.dev => return refuse(Code::DevOnly, "endowments"),
        TxKind::Endow => return endow(world, tx),
        other => return refuse(Code::TxKindUnsupported, format!("{other:?}")),
    }
    if tx.fee_payer != FeePayer::Sender {
        return refuse(Code::FeePayerUnsupported, format!("{:?}", tx.fee_payer));
    }
    match &checked.signature {
        Signature::Valid | Signature::Exempt => {}
        Signature::Invalid(fault) => return Err(Failure::Refused(fault.clone())),
        Signature::Unknown => {
            let keys = world.identity(&tx.from)?.keys;
            tx.verify(&checked.hash, &keys).map_err(Failure::Refused)?;
        }
    }
    let mut purse = world.purse(&tx.from)?;
    let base = purse.nonces.base;
    match purse.nonces.take(tx.nonce) {
        Ok(()) => {}
        Err(NonceRefusal::Used) => return refuse(Code::NonceUsed, format!("nonce {}; the lowest unused one is {base}", tx.nonce)),
        Err(NonceRefusal::TooHigh) => {
            return refuse(Code::NonceTooHigh, format!("nonce {}; the window begins at {base}", tx.nonce));
        }
    }
    match fees::required(tx.value, tx.gas_limit, rules.base_fee) {
        Some(needed) if needed <= purse.balance => {}
        Some(needed) => return refuse(Code::BalanceTooLow, format!("{needed} quanta are needed, the sender has {}", purse.balance)),
        None => return refuse(Code::BalanceTooLow, "more than there can be is needed"),
    }
    let bound = u128::from(tx.gas_limit).saturating_mul(rules.base_fee);
    purse.balance = purse.balance.saturating_sub(bound);
    Ok(Debit { purse: Some(purse), bound })
}

/// Limits of gas: the transaction's own, and what the block has left.
fn gas(tx: &Transaction, rules: &Rules, totals: &Totals) -> Result<(), Failure> {
    let least = HostTable::current().limits.min_gas_limit;
    if tx.gas_limit < least {
        return refuse(Code::GasLimitTooLow, format!("{} is below {least}", tx.gas_limit));
    }
    let fuel = tx.gas_limit.saturating_mul(rules.fuel_per_gas);
    if tx.gas_limit > rules.wave_gas || fuel > rules.tx_fuel {
        let most = rules.wave_gas.min(rules.tx_fuel / rules.fuel_per_gas.max(1));
        return refuse(Code::GasLimitTooHigh, format!("{} exceeds {most}", tx.gas_limit));
    }
    let (gas_left, fuel_left) = (rules.wave_gas.saturating_sub(totals.gas_used), rules.wave_fuel.saturating_sub(totals.fuel_used));
    if tx.gas_limit > gas_left || fuel > fuel_left {
        return refuse(Code::BlockFull, format!("the block has {} gas left", gas_left.min(fuel_left / rules.fuel_per_gas.max(1))));
    }
    Ok(())
}

/// A first key: free, unsigned (the key proves itself by hashing to the address), and no nonce.
fn register(world: &mut TxWorld, tx: &Transaction) -> Result<(), Failure> {
    let refuse = |why: &str| refuse(Code::RegistrationRefused, why);
    if tx.value != 0 || !tx.signature.is_empty() {
        return refuse("a registration has neither value nor signature");
    }
    match PublicKey::from_slice(&tx.data) {
        Some(key) if address::of_key(&key) == tx.from => {}
        Some(_) => return refuse("the key does not hash to the sender's address"),
        None => return refuse("the data are not an 897-byte key"),
    }
    if world.purse(&tx.from)?.balance == 0 {
        return refuse("the account has no balance");
    }
    let identity = world.identity(&tx.from)?;
    if identity.keys != AuthKeys::None || identity.kind != AccountKind::Eoa {
        return refuse("the account has a key already, or is not held by keys");
    }
    Ok(())
}

/// Value from nowhere: the zero address sends it and its nonces tell endowments apart.
fn endow(world: &mut TxWorld, tx: &Transaction) -> Result<Debit, Failure> {
    if tx.from != address::ZERO || !tx.signature.is_empty() {
        return refuse(Code::TxKindUnsupported, "an endowment comes from the zero address, unsigned");
    }
    if !tx.data.is_empty() && PublicKey::from_slice(&tx.data).is_none_or(|key| address::of_key(&key) != tx.to) {
        return refuse(Code::RegistrationRefused, "the data are not the recipient's key");
    }
    let mut purse = world.purse(&tx.from)?;
    match purse.nonces.take(tx.nonce) {
        Ok(()) => Ok(Debit { purse: Some(purse), bound: 0 }),
        Err(_) => refuse(Code::NonceUsed, format!("nonce {} of the zero address", tx.nonce)),
    }
}
