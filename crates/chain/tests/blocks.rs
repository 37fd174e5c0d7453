//! Blocks: roots, fees, stores, snapshots, imports, replays, batches.

mod common;

use common::*;
use detent_chain::fees::Split;
use detent_chain::{Block, BlockInputs, Chain, Genesis, Options, Receipt, Transaction, TxKind, address, events, merkle};
use detent_protocol::Code;
use detent_state::{Key, Proof};
use std::sync::atomic::Ordering;

/// Three blocks of everything: deployments, calls that succeed and fail, transfers.
fn busy(chain: &mut Chain) {
    let a = deploy(chain, "robot-a", &robot(&[]));
    let b = deploy(chain, "robot-b", &robot(&[]));
    chain.seal().unwrap();
    for round in 0..2u8 {
        let inner = Script::new().store(round, &[round; 20]).emit(round, b"inner").transfer(&BOB, 1).end();
        let script = Script::new().call(Kind::Call, &b, "pay", 9, &inner).emit(9, &[round]).store(7, b"seven").load(7).end();
        call(chain, &a, "pay", 100, &script);
        call(chain, &a, "run", 0, &Script::new().store(3, b"x").trap());
        call(chain, &b, "run", 0, &Script::new().revert(b"why"));
        call_with_gas(chain, &b, "run", 0, 30_000, &Script::new().recurse(100).grow(2).spin());
        chain.impersonate(BOB, ALICE, 5, vec![], 21_000, TxKind::Standard).unwrap();
        chain.endow([0xcc; 32], 17, None).unwrap();
        chain.seal().unwrap();
    }
}

#[test]
fn the_header_commits_to_everything() {
    let mut chain = chain();
    busy(&mut chain);
    let block = chain.block(2).unwrap();
    let receipts = chain.receipts(2).unwrap();
    let leaf = |bytes: Vec<u8>| *blake3::hash(&bytes).as_bytes();
    let h = &block.header;
    assert_eq!((receipts.len(), block.transactions.len()), (6, 6));
    assert_eq!(h.receipts_root, merkle::root(receipts.iter().map(|r| leaf(r.to_bytes())).collect()));
    assert_eq!(h.tx_root, merkle::root(block.transactions.iter().map(|t| leaf(t.encode())).collect()));
    assert_eq!(h.gas_used, receipts.iter().map(|r| r.gas_used).sum::<u64>());
    let mut event_leaves = Vec::new();
    for r in &receipts {
        for (i, e) in r.events.iter().enumerate() {
            event_leaves.push(events::leaf(2, r.index, i as u32, e, &mut Vec::new()));
            assert!(h.bloom.may_contain(&e.emitter) && h.bloom.may_contain(&e.topics[0]));
        }
    }
    assert_eq!(event_leaves.len(), 2);
    assert_eq!(h.events_root, merkle::root(event_leaves));
    assert_eq!(h.parent, chain.block(1).unwrap().hash());
    assert_eq!(chain.block(0).unwrap().header.parent, chain.genesis().hash());
    assert_eq!(h.timestamp, chain.genesis().timestamp + 2);
    for (i, (r, t)) in receipts.iter().zip(&block.transactions).enumerate() {
        assert_eq!((r.index as usize, r.height, *r.tx_hash), (i, 2, t.hash()));
        assert_eq!(chain.receipt(&r.tx_hash).unwrap().as_ref(), Some(r));
        assert_eq!(chain.transaction(&r.tx_hash).unwrap().as_ref(), Some(t));
    }
    assert_eq!(chain.height_of(&block.hash()).unwrap(), Some(2));
    assert_eq!(chain.block(4).unwrap_err().code, Code::BlockUnknown);
    assert_eq!((chain.receipt(&[9; 32]).unwrap(), chain.height_of(&[9; 32]).unwrap()), (None, None));
}

#[test]
fn state_has_proofs_under_the_headers_root() {
    let mut chain = chain();
    busy(&mut chain);
    let root = chain.head().state_root;
    let check = |proof: Proof, key: &Key, value: Option<&[u8]>| proof.verify(&root, key.as_bytes(), value);
    let slot = Key::storage(&address::of_contract("robot-a"), &[7; 32]);
    check(chain.prove(&slot).unwrap(), &slot, Some(b"seven")).unwrap();
    assert!(check(chain.prove(&slot).unwrap(), &slot, Some(b"eight")).is_err());
    let absent = Key::account(&[0x12; 32]);
    check(chain.prove(&absent).unwrap(), &absent, None).unwrap();
}

#[test]
fn fees_are_split_at_the_end_of_the_block_and_value_is_conserved() {
    let mut chain = chain();
    busy(&mut chain);
    let mut burned = 0;
    let mut pools = (0, 0);
    for height in 1..=3 {
        let header = chain.block(height).unwrap().header;
        let split = Split::of(u128::from(header.gas_used) * header.base_fee);
        assert_eq!(chain.receipts(height).unwrap().iter().map(|r| r.fee_paid).sum::<u128>(), u128::from(header.gas_used) * header.base_fee);
        burned += split.burned;
        pools = (pools.0 + split.reward, pools.1 + split.treasury);
    }
    assert!(burned > 0);
    assert_eq!((chain.balance(&address::reward_pool()).unwrap(), chain.balance(&address::treasury()).unwrap()), pools);
    assert_eq!(total(&chain) + burned, 2 * RICH + 2 * 17);
}

/// Sum of all balances in the last sealed state.
fn total(chain: &Chain) -> u128 {
    let (reader, mut sum, mut from) = (chain.reader(), 0, None);
    loop {
        let page = reader.scan(from.as_ref(), 100).unwrap();
        let accounts = page.iter().filter(|(key, _)| key.space() == detent_state::Space::Account && Some(key) != from.as_ref());
        sum += accounts.map(|(_, value)| u128::from_le_bytes(value[10..26].try_into().unwrap())).sum::<u128>();
        match page.last() {
            Some((key, _)) if page.len() == 100 => from = Some(*key),
            _ => return sum,
        }
    }
}

#[test]
fn the_second_engine_comes_to_the_same_roots_receipts_and_gas() {
    for genesis in [genesis(), Genesis { balances: genesis().balances, ..Genesis::pyde() }] {
        let mut chain = Chain::memory(genesis, Options::default()).unwrap();
        busy(&mut chain);
        for engine in ["wasmi", "cranelift"] {
            let replay = chain.replay(1..=3, engine).unwrap();
            assert!(replay.equal(), "{:?}", replay.to_json());
            assert_eq!((replay.engine, replay.blocks.len()), (engine, 3));
            assert_eq!(replay.blocks[2].state_root, chain.head().state_root);
        }
    }
    assert_eq!(chain().replay(0..=1, "wasmi").unwrap_err().code, Code::BlockUnknown);
    assert_eq!(chain().replay(0..=0, "no such").unwrap_err().code, Code::EngineUnknown);
}

#[test]
fn imported_blocks_are_kept_only_if_every_field_agrees() {
    let mut theirs = chain();
    busy(&mut theirs);
    let mut ours = Chain::memory(genesis(), options("wasmi")).unwrap();
    for height in 1..=3 {
        let block = theirs.block(height).unwrap();
        type Change = fn(&mut Block);
        let changes: [Change; 11] = [
            |b| b.header.height += 1,
            |b| b.header.parent[0] ^= 1,
            |b| b.header.state_root[0] ^= 1,
            |b| b.header.receipts_root[0] ^= 1,
            |b| b.header.events_root[0] ^= 1,
            |b| b.header.tx_root[0] ^= 1,
            |b| b.header.bloom.0[0] ^= 1,
            |b| b.header.gas_used += 1,
            |b| b.header.base_fee += 1,
            |b| drop(b.transactions.pop()),
            |b| b.transactions[0].nonce += 100,
        ];
        for change in changes {
            let mut forged = block.clone();
            change(&mut forged);
            let root = ours.head().state_root;
            assert_eq!(ours.import(&forged).err().map(|fault| fault.code), Some(Code::ReplayMismatch));
            assert_eq!((ours.height(), ours.head().state_root, ours.pending()), (height - 1, root, 0));
        }
        assert_eq!(ours.import(&block).unwrap().hash, block.hash());
    }
    let late = theirs.block(1).unwrap();
    assert_eq!(ours.import(&late).unwrap_err().code, Code::TimestampBackwards);
}

#[test]
fn a_chain_survives_being_closed_and_its_genesis_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let (head, receipts): (_, Vec<Receipt>) = {
        let mut chain = Chain::open(&path, Some(genesis()), Options::default()).unwrap();
        busy(&mut chain);
        call(&mut chain, &address::of_contract("robot-a"), "run", 0, &Script::new().store(1, b"unsealed").end());
        assert_eq!(Chain::open(&path, None, Options::default()).err().map(|f| f.code), Some(Code::StoreLocked));
        (chain.head().clone(), chain.receipts(3).unwrap())
    };
    let other = Genesis { chain_id: 5, ..genesis() };
    assert_eq!(Chain::open(&path, Some(other), Options::default()).err().map(|f| f.code), Some(Code::GenesisMismatch));
    let mut chain = Chain::open(&path, None, options("wasmi")).unwrap();
    assert_eq!((chain.head(), chain.receipts(3).unwrap()), (&head, receipts));
    assert_eq!(chain.storage(&address::of_contract("robot-a"), &[1; 32]).unwrap(), None, "the open block is gone");
    call(&mut chain, &address::of_contract("robot-a"), "run", 0, &Script::new().store(1, b"on").end());
    assert_eq!(chain.seal().unwrap().block.header.parent, head.hash());
    drop(chain);
    assert_eq!(Chain::open(&path, Some(genesis()), Options::default()).unwrap().height(), 4);
}

#[test]
fn snapshots_take_blocks_back() {
    let mut chain = chain();
    let start = chain.snapshot().unwrap();
    busy(&mut chain);
    let (head, middle) = (chain.head().clone(), chain.snapshot().unwrap());
    let a = address::of_contract("robot-a");
    call(&mut chain, &a, "run", 0, &Script::new().store(7, b"changed").end());
    assert_eq!(chain.snapshot().unwrap_err().code, Code::BlockOpen);
    chain.seal().unwrap();
    let later = chain.snapshot().unwrap();
    call(&mut chain, &a, "run", 0, &Script::new().store(7, b"again").end());
    chain.revert_to(middle).unwrap();
    assert_eq!(chain.head(), &head);
    assert_eq!(chain.pending(), 0);
    assert_eq!(chain.storage(&a, &[7; 32]).unwrap().as_deref(), Some(&b"seven"[..]));
    assert_eq!(chain.block(4).unwrap_err().code, Code::BlockUnknown);
    assert_eq!(chain.revert_to(later).unwrap_err().code, Code::SnapshotUnknown);
    call(&mut chain, &a, "run", 0, &Script::new().store(7, b"changed").end());
    chain.seal().unwrap();
    chain.revert_to(middle).unwrap();
    chain.revert_to(start).unwrap();
    assert_eq!(chain.height(), 0);
    assert_eq!(chain.code(&a).unwrap(), None);
    busy(&mut chain);
    assert_eq!(chain.head(), &head, "the same again from the start");
}

#[test]
fn a_batch_stops_at_a_block_boundary() {
    let mut chain = chain();
    let send = |nonce: u64| Transaction::standard(ALICE, BOB, 1, vec![], 21_000, nonce, 31337).encode();
    let bytes: Vec<Vec<u8>> = (0..100).map(send).collect();
    chain.stop_flag().store(true, Ordering::SeqCst);
    let batch = chain.run_batch(&bytes, 10).unwrap();
    assert!(batch.interrupted && batch.blocks.is_empty() && batch.done == 0);
    let stop = chain.stop_flag();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(1));
        stop.store(true, Ordering::SeqCst);
    });
    let batch = chain.run_batch(&bytes, 3).unwrap();
    stopper.join().unwrap();
    chain.stop_flag().store(false, Ordering::SeqCst);
    assert_eq!(batch.blocks.iter().map(|b| u64::from(b.2)).sum::<u64>(), batch.succeeded);
    assert_eq!(batch.done as u64, batch.succeeded);
    assert_eq!(chain.pending(), 0);
    let rest = chain.run_batch(&bytes[batch.done..], 7).unwrap();
    assert_eq!((rest.interrupted, rest.succeeded), (false, 100 - batch.succeeded));
    assert_eq!(chain.nonce(&ALICE).unwrap(), 100);
}

#[test]
fn views_answer_from_the_open_block_and_change_nothing() {
    use detent_chain::{Outcome, ViewRequest};
    let mut chain = chain();
    let a = deploy(&mut chain, "robot-a", &robot(&[]));
    call(&mut chain, &a, "run", 0, &Script::new().store(1, b"open").end());
    let view = chain.view(&ViewRequest::new(a, "look", &Script::new().load(1).end().0)).unwrap();
    assert_eq!(view.outcome, Outcome::Success { output: b"\x04\0\0\0open".to_vec() });
    assert!(view.gas_used > 1000 && view.gas_used < 21_000);
    let write = ViewRequest::new(a, "run", &Script::new().store(1, b"dropped").emit(1, b"seen").end().0);
    assert!(matches!(chain.view(&write).unwrap().outcome, Outcome::Halt { .. }), "read-only");
    let try_it = ViewRequest { read_only: false, value: 0, ..write };
    let tried = chain.view(&try_it).unwrap();
    assert!(tried.outcome.is_success());
    assert_eq!(tried.events.len(), 1);
    let paid = ViewRequest { from: [0x77; 32], value: 50, ..ViewRequest::new(a, "pay", &Script::new().context().end().0) };
    let paid = chain.view(&ViewRequest { read_only: false, ..paid }).unwrap();
    assert_eq!(&paid.outcome.bytes()[96..], 50u128.to_le_bytes(), "a caller without a balance may ask");
    assert_eq!(chain.storage(&a, &[1; 32]).unwrap().as_deref(), Some(&b"open"[..]));
    assert_eq!((chain.balance(&a).unwrap(), chain.balance(&[0x77; 32]).unwrap(), chain.pending()), (0, 0, 2));
    let receipt = chain.seal().unwrap().receipts.pop().unwrap();
    assert!(receipt.events.is_empty());
}

#[test]
fn the_time_is_the_inputs_and_never_goes_back() {
    let mut chain = chain();
    let start = chain.genesis().timestamp;
    chain.set_time(start + 1000).unwrap();
    assert_eq!(chain.seal().unwrap().block.header.timestamp, start + 1000);
    assert_eq!(chain.seal().unwrap().block.header.timestamp, start + 1001);
    assert_eq!(chain.set_time(start).unwrap_err().code, Code::TimestampBackwards);
    chain.endow(BOB, 1, None).unwrap();
    assert_eq!(chain.set_time(start + 9999).unwrap_err().code, Code::BlockOpen);
    chain.seal().unwrap();
    let inputs = BlockInputs { timestamp: start + 5000, beacon: [9; 32] };
    let (sealed, refused) = chain.execute_block(vec![], Some(inputs)).unwrap();
    assert_eq!((sealed.block.header.timestamp, sealed.block.header.beacon, refused.len()), (start + 5000, [9; 32], 0));
    let strict = Genesis { dev: false, ..genesis() };
    assert_eq!(Chain::memory(strict, Options::default()).unwrap().set_time(u64::MAX).unwrap_err().code, Code::DevOnly);
}
