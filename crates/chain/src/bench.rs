//! How fast transactions execute on one core, without signatures: figures for reports, taken on the real path.

use crate::account::Purse;
use crate::admission::Checked;
use crate::chain::{Chain, Options};
use crate::genesis::Genesis;
use crate::payload::{CallPayload, DeployData};
use crate::transaction::{Transaction, TxKind};
use crate::{Outcome, address};
use detent_host::{Address, Slot, poseidon2};
use detent_protocol::{Code, Fault};
use detent_state::Key;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Where a token keeps a balance (16 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slots {
    /// In the slot that is the owner's address: `benchmarks/guests/raw_token`.
    Raw,
    /// In the map `balances` of its schema: `examples/token`.
    Typed,
}

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct TransferBench<'a> {
    /// A token: constructor `init(supply u128)`, `transfer(to [32] | amount u128)`.
    pub token: &'a [u8],
    /// How it keeps balances.
    pub slots: Slots,
    /// Transactions of each kind.
    pub transactions: usize,
    /// Accounts that send and receive, all of which hold tokens.
    pub accounts: usize,
    /// Transactions in a block.
    pub block: usize,
}

/// What came of it. Times are of one thread, but for the roots, whose leaves are hashed on all cores.
#[derive(Clone, Debug)]
pub struct TransferReport {
    /// Contract transfers: admission, calls into the engine, storage, event, receipt.
    pub contract: Rate,
    /// Plain transfers: the same without code.
    pub plain: Rate,
    /// The same moves in a hash map, no chain around them: what a machine could do.
    pub native: f64,
    /// Nanoseconds of one Poseidon2 permutation in this run.
    pub permutation: f64,
    /// Transactions of each kind.
    pub transactions: usize,
    /// Accounts.
    pub accounts: usize,
    /// Engine.
    pub engine: &'static str,
}

/// Time of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// Executing all transactions.
    pub execution: Duration,
    /// Roots, commitment and store, all blocks.
    pub sealing: Duration,
    /// Executed transactions for each second of execution.
    pub per_second: f64,
    /// CPU time of the thread while executing, where the system tells it: what a machine without other work would take.
    pub cpu: Option<Duration>,
}

impl TransferReport {
    /// The JSON form: rates in transactions a second, times in seconds.
    pub fn to_json(&self) -> Value {
        let rate = |r: &Rate| {
            json!({
                "per_second": r.per_second,
                "execution": r.execution.as_secs_f64(),
                "cpu": r.cpu.map(|cpu| cpu.as_secs_f64()),
                "sealing": r.sealing.as_secs_f64(),
            })
        };
        json!({
            "engine": self.engine,
            "transactions": self.transactions,
            "accounts": self.accounts,
            "contract": rate(&self.contract),
            "plain": rate(&self.plain),
            "native_per_second": self.native,
            "poseidon2_permutation_ns": self.permutation,
        })
    }
}

/// Measures token transfers and plain transfers among the same accounts, in memory, unsigned.
///
/// Signatures are not part of it, nor are hashes: nothing asks for an unsigned transaction's before its block is sealed. Every
/// transfer must succeed.
pub fn bench_transfers(bench: &TransferBench<'_>, options: Options) -> Result<TransferReport, Fault> {
    let accounts: Vec<Address> = (0..bench.accounts.max(2) as u64).map(|i| *blake3::hash(&i.to_le_bytes()).as_bytes()).collect();
    let huge = 1 << 50;
    let genesis = Genesis { wave_gas: huge, target_gas: huge, tx_fuel: huge, wave_fuel: huge, base_fee: 1, ..Genesis::default() };
    let mut chain = Chain::memory(genesis, options)?;
    let token = prepare(&mut chain, bench, &accounts)?;
    let mut nonces = accounts.iter().map(|account| chain.nonce(account)).collect::<Result<Vec<u64>, Fault>>()?;
    // warm: the artefact, an instance, the allocator
    let warm = bench.transactions.min(10_000);
    run(&mut chain, &accounts, &mut nonces, Some(token), warm, bench.block)?;
    let contract = run(&mut chain, &accounts, &mut nonces, Some(token), bench.transactions, bench.block)?;
    let (native, expected) = native(&accounts, &[warm, bench.transactions]);
    verify(&mut chain, bench.slots, &token, &accounts, &expected)?;
    let plain = run(&mut chain, &accounts, &mut nonces, None, bench.transactions, bench.block)?;
    let permutation = permutation();
    let (transactions, accounts, engine) = (bench.transactions, accounts.len(), chain.engine());
    Ok(TransferReport { contract, plain, native, permutation, transactions, accounts, engine })
}

/// The moves of a run: indexes of sender and receiver, from a fixed sequence, so that every run does the same work.
fn moves(accounts: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut next = 0x9e37_79b9_7f4a_7c15u64;
    (0..count).map(move |_| {
        next = next.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        ((next >> 33) as usize % accounts, (next >> 13) as usize % accounts)
    })
}

/// The moves of the runs in a map: moves a second of the last run, and every balance afterwards.
fn native(accounts: &[Address], runs: &[usize]) -> (f64, HashMap<Address, u128>) {
    let mut balances: HashMap<Address, u128> = accounts.iter().map(|account| (*account, SHARE)).collect();
    let mut rate = 0.0;
    for &count in runs {
        let began = Instant::now();
        for (from, to) in moves(accounts.len(), count) {
            let (Some(from), Some(to)) = (accounts.get(from), accounts.get(to)) else { continue };
            if let Some(left) = balances.get(from).and_then(|held| held.checked_sub(1)) {
                balances.insert(*from, left);
                let sum = balances.get(to).copied().unwrap_or_default().saturating_add(1);
                balances.insert(*to, sum);
            }
        }
        rate = count as f64 / began.elapsed().as_secs_f64();
    }
    (rate, balances)
}

/// Every balance is what the moves make it, and the root is that of the whole state, recomputed.
fn verify(chain: &mut Chain, slots: Slots, token: &Address, accounts: &[Address], expected: &HashMap<Address, u128>) -> Result<(), Fault> {
    for account in accounts {
        let slot = slots.of(token, account);
        let held = chain.storage(token, &slot)?.and_then(|bytes| bytes.try_into().ok()).map(u128::from_le_bytes);
        if held != expected.get(account).copied() {
            return Err(Fault::new(Code::NodeFault, format!("a balance is {held:?} after the benchmark, not {:?}", expected.get(account))));
        }
    }
    chain.reader().verify()
}

/// Nanoseconds of a permutation: the median of 101 runs of 200 in a chain.
fn permutation() -> f64 {
    let mut state = [1u64; 8];
    let mut times: Vec<f64> = (0..101)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..200 {
                poseidon2::permute(&mut state);
            }
            began.elapsed().as_nanos() as f64 / 200.0
        })
        .collect();
    std::hint::black_box(state);
    times.sort_by(f64::total_cmp);
    times.get(50).copied().unwrap_or_default()
}

/// Tokens of each account at first.
const SHARE: u128 = 1 << 90;

impl Slots {
    fn of(self, token: &Address, account: &Address) -> Slot {
        match self {
            Slots::Raw => *account,
            Slots::Typed => detent_host::slot(token, b"balances", &[account]),
        }
    }
}

/// Deploys the token and gives every account quanta and tokens.
fn prepare(chain: &mut Chain, bench: &TransferBench<'_>, accounts: &[Address]) -> Result<Address, Fault> {
    let deployer = accounts.first().copied().unwrap_or_default();
    chain.endow(deployer, 1 << 60, None)?;
    let data = DeployData {
        name: "bench-token".into(),
        wasm: bench.token.to_vec(),
        kind: 0,
        init_calldata: (1u128 << 100).to_le_bytes().to_vec(),
    };
    let done = chain.impersonate(deployer, address::ZERO, 0, data.encode(), 1 << 40, TxKind::Deploy)?;
    let Outcome::Success { output } = &done.receipt.outcome else {
        return Err(Fault::new(Code::NodeFault, format!("the token was not deployed: {:?} {:?}", done.receipt.outcome, done.notes)));
    };
    let token: Address = output[..].try_into().map_err(|_| Fault::new(Code::NodeFault, "a deployment gave no address"))?;
    let world = chain.opened().world()?;
    for account in accounts {
        let purse = Purse { balance: 1 << 90, ..world.purse(account)? };
        world.set_purse(account, purse)?;
        world.state.set(&Key::storage(&token, &bench.slots.of(&token, account)), &SHARE.to_le_bytes())?;
    }
    chain.seal()?;
    Ok(token)
}

/// Executes transfers, of tokens or plain ones, in sealed blocks.
fn run(
    chain: &mut Chain,
    accounts: &[Address],
    nonces: &mut [u64],
    token: Option<Address>,
    count: usize,
    block: usize,
) -> Result<Rate, Fault> {
    let mut rate = Rate::default();
    let mut moves = moves(accounts.len(), count);
    let mut left = count;
    while left > 0 {
        let size = left.min(block.max(1));
        left -= size;
        let mut batch = Vec::with_capacity(size);
        for _ in 0..size {
            let Some((from, to)) = moves.next() else { break };
            let (Some(sender), Some(receiver), Some(nonce)) = (accounts.get(from), accounts.get(to), nonces.get_mut(from)) else {
                continue;
            };
            let amount = 1u128;
            let (to, value, data) = match token {
                Some(token) => (token, 0, CallPayload::encode("transfer", &[&receiver[..], &amount.to_le_bytes()].concat())),
                None => (*receiver, amount, Vec::new()),
            };
            batch.push(Transaction::standard(*sender, to, value, data, 100_000, *nonce, chain.genesis().chain_id));
            *nonce += 1;
        }
        let checked = Checked::decoded(batch, &chain.reader(), true)?;
        chain.opened();
        let (began, busy) = (Instant::now(), thread_time());
        for checked in checked {
            let (receipt, notes) = chain.execute_checked(checked).map_err(|refused| refused.0.into_fault())?;
            if !receipt.outcome.is_success() {
                return Err(Fault::new(Code::NodeFault, format!("a transfer of the benchmark failed: {:?} {notes:?}", receipt.outcome)));
            }
        }
        rate.execution += began.elapsed();
        if let (Some(before), Some(after)) = (busy, thread_time()) {
            rate.cpu = Some(rate.cpu.unwrap_or_default() + after.saturating_sub(before));
        }
        let began = Instant::now();
        chain.seal()?;
        rate.sealing += began.elapsed();
    }
    rate.per_second = count as f64 / rate.execution.as_secs_f64();
    Ok(rate)
}

/// CPU time of this thread, where the system tells it.
fn thread_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
