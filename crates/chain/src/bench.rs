//! How fast transactions execute on one core, without signatures: figures for reports, taken on the real path.

use crate::account::Purse;
use crate::admission::Checked;
use crate::chain::{Chain, Options};
use crate::genesis::Genesis;
use crate::payload::{CallPayload, DeployData};
use crate::transaction::{Transaction, TxKind};
use crate::{Outcome, address};
use detent_host::Address;
use detent_protocol::{Code, Fault};
use detent_state::Key;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct TransferBench<'a> {
    /// A token on raw slots: constructor `init(supply u128)`, `transfer(to [32] | amount u128)`, an owner's balance (16 bytes) in the
    /// slot that is its address. `benchmarks/guests/raw_token` is one.
    pub token: &'a [u8],
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
    let token = prepare(&mut chain, bench.token, &accounts)?;
    let mut nonces = accounts.iter().map(|account| chain.nonce(account)).collect::<Result<Vec<u64>, Fault>>()?;
    // warm: the artefact, an instance, the allocator
    run(&mut chain, &accounts, &mut nonces, Some(token), bench.transactions.min(10_000), bench.block)?;
    let contract = run(&mut chain, &accounts, &mut nonces, Some(token), bench.transactions, bench.block)?;
    let plain = run(&mut chain, &accounts, &mut nonces, None, bench.transactions, bench.block)?;
    Ok(TransferReport { contract, plain, transactions: bench.transactions, accounts: accounts.len(), engine: chain.engine() })
}

/// Deploys the token and gives every account quanta and tokens.
fn prepare(chain: &mut Chain, wasm: &[u8], accounts: &[Address]) -> Result<Address, Fault> {
    let deployer = accounts.first().copied().unwrap_or_default();
    chain.endow(deployer, 1 << 60, None)?;
    let data = DeployData { name: "raw-token".into(), wasm: wasm.to_vec(), kind: 0, init_calldata: (1u128 << 100).to_le_bytes().to_vec() };
    let done = chain.impersonate(deployer, address::ZERO, 0, data.encode(), 1 << 40, TxKind::Deploy)?;
    let Outcome::Success { output } = &done.receipt.outcome else {
        return Err(Fault::new(Code::NodeFault, format!("the token was not deployed: {:?} {:?}", done.receipt.outcome, done.notes)));
    };
    let token: Address = output[..].try_into().map_err(|_| Fault::new(Code::NodeFault, "a deployment gave no address"))?;
    let world = chain.opened().world()?;
    for account in accounts {
        let purse = Purse { balance: 1 << 90, ..world.purse(account)? };
        world.set_purse(account, purse)?;
        world.state.set(&Key::storage(&token, account), &(1u128 << 90).to_le_bytes())?;
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
    let mut next = 0x9e37_79b9_7f4a_7c15u64;
    let mut left = count;
    while left > 0 {
        let size = left.min(block.max(1));
        left -= size;
        let mut batch = Vec::with_capacity(size);
        for _ in 0..size {
            // pairs from a fixed sequence: the same work in every run
            next = next.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
            let (from, to) = ((next >> 33) as usize % accounts.len(), (next >> 13) as usize % accounts.len());
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
