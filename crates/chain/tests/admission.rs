//! What may be in a block: each refusal has its own code and leaves no trace.

mod common;

use common::*;
use detent_chain::account::{AuthKeys, PublicKey};
use detent_chain::transaction::FeePayer;
use detent_chain::{Address, Chain, Genesis, Options, Outcome, Transaction, TxKind, address, genesis::Endowment};
use detent_host::falcon::SecretKey;
use detent_protocol::Code;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn public(key: &SecretKey) -> PublicKey {
    PublicKey::from_slice(key.public()).unwrap()
}

/// A chain that takes signed transactions only; the key of seed 1 is registered and rich, that of seed 2 has a balance.
fn strict() -> (Chain, SecretKey, Address) {
    let (one, two) = (key(1), key(2));
    let balances = vec![
        Endowment { address: one.address(), public_key: Some(public(&one)), balance: 100_000_000 },
        Endowment { address: two.address(), public_key: None, balance: 10_000_000 },
    ];
    let chain = Chain::memory(Genesis { dev: false, balances, ..Genesis::default() }, Options::default()).unwrap();
    let address = one.address();
    (chain, one, address)
}

fn signed(key: &SecretKey, change: impl FnOnce(&mut Transaction)) -> Transaction {
    let mut tx = Transaction::standard(key.address(), BOB, 5, vec![], 21_000, 0, 31337);
    change(&mut tx);
    tx.sign(key, &[0; 32]);
    tx
}

#[test]
fn every_reason_has_its_code_and_leaves_no_trace() {
    let (mut chain, one, sender) = strict();
    let root = chain.head().state_root;
    type Change = fn(&mut Transaction);
    let cases: [(Change, Code); 15] = [
        (|t| t.chain_id = 1, Code::ChainIdMismatch),
        (|t| t.deadline = Some(0), Code::DeadlinePassed),
        (|t| t.kind = TxKind::StakeDeposit, Code::TxKindUnsupported),
        (|t| (t.kind, t.to) = (TxKind::Deploy, BOB), Code::TxKindUnsupported),
        (|t| t.kind = TxKind::Endow, Code::DevOnly),
        (|t| t.gas_limit = 20_999, Code::GasLimitTooLow),
        (|t| t.gas_limit = u64::MAX, Code::GasLimitTooHigh),
        (|t| t.gas_limit = 1_600_000_001, Code::GasLimitTooHigh),
        (|t| t.fee_payer = FeePayer::GasTank, Code::FeePayerUnsupported),
        (|t| t.fee_payer = FeePayer::Paymaster(BOB), Code::FeePayerUnsupported),
        (|t| t.nonce = 16, Code::NonceTooHigh),
        (|t| t.nonce = u64::MAX, Code::NonceTooHigh),
        (|t| t.value = 100_000_000, Code::BalanceTooLow),
        (|t| t.value = u128::MAX, Code::BalanceTooLow),
        (|t| t.gas_limit = 1_000_001, Code::BalanceTooLow),
    ];
    for (change, code) in cases {
        let fault = chain.execute(signed(&one, change)).unwrap_err();
        assert_eq!(fault.code, code, "{fault}");
    }
    let mut tampered = signed(&one, |_| ());
    tampered.value = 6;
    assert_eq!(chain.execute(tampered).unwrap_err().code, Code::SignatureInvalid);
    let mut unsigned = signed(&one, |_| ());
    unsigned.signature.clear();
    assert_eq!(chain.execute(unsigned).unwrap_err().code, Code::SignatureInvalid, "unsigned is for development chains");
    assert_eq!(chain.execute(signed(&key(2), |_| ())).unwrap_err().code, Code::KeysUnregistered);
    assert_eq!(chain.submit(&[1, 2, 3]).unwrap_err().code, Code::TxMalformed);
    assert_eq!(chain.impersonate(BOB, BOB, 0, vec![], 21_000, TxKind::Standard).unwrap_err().code, Code::DevOnly);
    assert_eq!((chain.balance(&sender).unwrap(), chain.nonce(&sender).unwrap(), chain.pending()), (100_000_000, 0, 0));
    assert_eq!(chain.seal().unwrap().block.header.state_root, root, "no trace");
}

#[test]
fn exactly_enough_is_enough() {
    let (mut chain, one, sender) = strict();
    let value = 100_000_000 - 21_000 * chain.base_fee();
    chain.execute(signed(&one, |t| t.value = value)).unwrap();
    assert_eq!(chain.balance(&sender).unwrap(), 0);
    assert_eq!(chain.balance(&BOB).unwrap(), value);
}

#[test]
fn nonces_come_in_any_order_once() {
    let (mut chain, one, _) = strict();
    for nonce in [3, 1, 0, 15, 2] {
        chain.execute(signed(&one, |t| t.nonce = nonce)).unwrap();
        assert_eq!(chain.execute(signed(&one, |t| t.nonce = nonce)).unwrap_err().code, Code::NonceUsed);
    }
    assert_eq!(chain.nonce(&one.address()).unwrap(), 4);
    chain.seal().unwrap();
    for nonce in [0, 3, 15] {
        assert_eq!(chain.execute(signed(&one, |t| t.nonce = nonce)).unwrap_err().code, Code::NonceUsed, "after the block as well");
    }
    chain.execute(signed(&one, |t| t.nonce = 19)).unwrap();
}

#[test]
fn a_deadline_is_the_last_block_that_may_hold_it() {
    let (mut chain, one, _) = strict();
    chain.execute(signed(&one, |t| t.deadline = Some(1))).unwrap();
    chain.seal().unwrap();
    assert_eq!(chain.execute(signed(&one, |t| (t.nonce, t.deadline) = (1, Some(1)))).unwrap_err().code, Code::DeadlinePassed);
}

#[test]
fn a_registration_in_the_same_block_makes_the_key_good_for_the_next_transaction() {
    let (mut chain, one, _) = strict();
    let two = key(2);
    let register = |from: &SecretKey, public: &SecretKey, change: fn(&mut Transaction)| {
        let mut tx = Transaction::standard(from.address(), address::ZERO, 0, public.public().to_vec(), 21_000, 0, 31337);
        tx.kind = TxKind::RegisterPubkey;
        change(&mut tx);
        tx
    };
    let refused = [
        register(&two, &one, |_| ()),
        register(&key(3), &key(3), |_| ()),
        register(&one, &one, |_| ()),
        register(&two, &two, |t| t.value = 1),
        register(&two, &two, |t| t.signature = vec![0x39; 600]),
        register(&two, &two, |t| t.data.truncate(896)),
    ];
    for tx in refused {
        assert_eq!(chain.execute(tx).unwrap_err().code, Code::RegistrationRefused);
    }
    let bytes = [register(&two, &two, |_| ()).encode(), signed(&two, |_| ()).encode(), register(&two, &two, |_| ()).encode()];
    let batch = chain.run_batch(&bytes, 10).unwrap();
    assert_eq!((batch.succeeded, batch.blocks.len()), (2, 1));
    assert_eq!(batch.refused[0].1.code, Code::RegistrationRefused, "once");
    let account = chain.account(&two.address()).unwrap().unwrap();
    assert_eq!(account.keys, AuthKeys::Single(public(&two)));
    assert_eq!(account.balance, 10_000_000 - 5 - 21_000 * 100, "the registration was free");
    assert_eq!(account.nonces.base, 1);
}

#[test]
fn a_full_block_refuses_and_a_batch_goes_on_in_the_next() {
    let (one, balance) = (key(1), 1 << 100);
    let balances = vec![Endowment { address: one.address(), public_key: Some(public(&one)), balance }];
    let genesis = Genesis { dev: false, wave_gas: 100_000, target_gas: 25_000, balances, ..Genesis::default() };
    let mut chain = Chain::memory(genesis.clone(), Options::default()).unwrap();
    for nonce in 0..4 {
        chain.execute(signed(&one, |t| t.nonce = nonce)).unwrap();
    }
    assert_eq!(chain.execute(signed(&one, |t| t.nonce = 4)).unwrap_err().code, Code::BlockFull);

    let mut chain = Chain::memory(genesis, Options::default()).unwrap();
    let bytes: Vec<_> = (0..10).map(|nonce| signed(&one, |t| t.nonce = nonce).encode()).collect();
    let batch = chain.run_batch(&bytes, 100).unwrap();
    assert_eq!((batch.succeeded, batch.refused.len()), (10, 0));
    assert_eq!(batch.blocks.iter().map(|b| b.2).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(chain.block(1).unwrap().header.gas_used, 84_000);
    assert_eq!(chain.block(2).unwrap().header.base_fee, 100 + 100 * 59 / 25 / 8, "the fee followed");
}

#[test]
fn fuel_is_limited_beside_gas() {
    let genesis = Genesis { tx_fuel: 50_000, wave_fuel: 60_000, ..genesis() };
    let mut chain = Chain::memory(genesis, Options::default()).unwrap();
    let send = |chain: &mut Chain, gas| chain.impersonate(ALICE, BOB, 1, vec![], gas, TxKind::Standard);
    assert_eq!(send(&mut chain, 50_001).unwrap_err().code, Code::GasLimitTooHigh);
    send(&mut chain, 50_000).unwrap();
    send(&mut chain, 21_000).unwrap();
    assert_eq!(send(&mut chain, 21_000).unwrap_err().code, Code::BlockFull);
}

#[test]
fn a_plain_transfer_costs_21000_gas_and_ignores_its_data() {
    let mut chain = chain();
    let done = chain.impersonate(ALICE, BOB, 9, vec![1, 2, 3], 100_000, TxKind::Standard).unwrap();
    assert_eq!(done.receipt.outcome, Outcome::Success { output: vec![] });
    assert_eq!((done.receipt.gas_used, done.receipt.fee_paid), (21_000, 2_100_000));
    assert_eq!(chain.balance(&BOB).unwrap(), RICH + 9);
    assert_eq!(chain.balance(&ALICE).unwrap(), RICH - 9 - 2_100_000);
    let to_self = chain.impersonate(ALICE, ALICE, 9, vec![], 21_000, TxKind::Standard).unwrap();
    assert!(to_self.receipt.outcome.is_success());
    assert_eq!(chain.balance(&ALICE).unwrap(), RICH - 9 - 4_200_000);
}

#[test]
fn endowments_create_value_and_register_keys_on_development_chains() {
    let mut chain = chain();
    let two = key(2);
    chain.endow(two.address(), 1_000_000_000, Some(two.public())).unwrap();
    chain.endow(two.address(), 5, Some(two.public())).unwrap();
    assert_eq!(chain.balance(&two.address()).unwrap(), 1_000_000_005);
    chain.execute(signed(&two, |_| ())).unwrap();
    assert_eq!(chain.endow(BOB, 5, Some(two.public())).unwrap_err().code, Code::RegistrationRefused);
    chain.endow(BOB, 5, None).unwrap();
    let mut forged = signed(&two, |t| t.kind = TxKind::Endow);
    assert_eq!(chain.execute(forged.clone()).unwrap_err().code, Code::TxKindUnsupported);
    forged.signature.clear();
    forged.from = address::ZERO;
    assert_eq!(chain.execute(forged).unwrap_err().code, Code::NonceUsed, "endowments have nonces of their own");
}
