//! The chain's handle: conversions, the GIL and a lock; everything else is `detent_chain`.

use crate::errors::{bytes32, detached, raise};
use crate::receipts::{Batch, Block, Receipt};
use crate::{engines, keys};
use detent_chain::{Chain as Inner, Genesis, Options, ViewRequest, block};
use detent_engine::signals_check;
use detent_protocol::{Code, Fault};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a batch runs between two looks at Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(20);

/// A chain on an embedded store, or in memory.
#[pyclass(frozen, module = "detent._core")]
pub struct Chain {
    inner: Mutex<Option<Inner>>,
    process: u32,
}

impl Chain {
    /// Runs `work` on the chain without the GIL; other threads wait.
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Inner) -> Result<T, Fault> + Send) -> PyResult<T> {
        detached(py, || {
            let mut guard = self.lock()?;
            work(held(&mut guard)?)
        })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Option<Inner>>, Fault> {
        // before the lock: a thread of the parent may have held it when the process forked
        if self.process != std::process::id() {
            return Err(Fault::new(Code::EngineForked, "the chain was opened by the parent process"));
        }
        // a panic in the chain was reported as a node fault; the open block it left is dropped below
        match self.inner.lock() {
            Ok(guard) => Ok(guard),
            Err(poisoned) => {
                let mut guard = PoisonError::into_inner(poisoned);
                if let Some(chain) = guard.as_mut() {
                    chain.discard();
                }
                self.inner.clear_poison();
                Ok(guard)
            }
        }
    }
}

fn held(guard: &mut Option<Inner>) -> Result<&mut Inner, Fault> {
    guard.as_mut().ok_or_else(|| Fault::new(Code::ChainClosed, ""))
}

fn block_of(inner: &Inner, height: u64) -> Result<Option<Block>, Fault> {
    if height > inner.height() {
        return Ok(None);
    }
    let found: block::Block = inner.block(height)?;
    Ok(Some(Block { hash: found.hash(), transactions: found.transactions.len() as u32, header: found.header }))
}

#[pymethods]
impl Chain {
    #[new]
    #[pyo3(signature = (path = None, *, genesis = None, engine = "cranelift"))]
    fn new(py: Python<'_>, path: Option<String>, genesis: Option<&str>, engine: &str) -> PyResult<Chain> {
        let inner = detached(py, || {
            let genesis = genesis.map(Genesis::from_json).transpose()?;
            let options = Options { engine: engine.to_string(), cache: engines::cache()?, ..Options::default() };
            match path {
                Some(path) => Inner::open(path, genesis, options),
                None => Inner::memory(genesis.unwrap_or_default(), options),
            }
        })?;
        Ok(Chain { inner: Mutex::new(Some(inner)), process: std::process::id() })
    }

    /// Height of the last sealed block.
    #[getter]
    fn height(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |chain| Ok(chain.height()))
    }

    /// Root of the state after the last sealed block.
    #[getter]
    fn state_root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.with(py, |chain| Ok(chain.head().state_root))?))
    }

    /// For what chain transactions are signed.
    #[getter]
    fn chain_id(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |chain| Ok(chain.genesis().chain_id))
    }

    /// Quanta per gas of the open block.
    #[getter]
    fn base_fee(&self, py: Python<'_>) -> PyResult<u128> {
        self.with(py, |chain| Ok(chain.base_fee()))
    }

    /// Fuel per gas.
    #[getter]
    fn fuel_per_gas(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |chain| Ok(chain.genesis().fuel_per_gas))
    }

    /// Name of the engine.
    #[getter]
    fn engine(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |chain| Ok(chain.engine()))
    }

    /// Transactions in the open block.
    #[getter]
    fn pending(&self, py: Python<'_>) -> PyResult<u32> {
        self.with(py, |chain| Ok(chain.pending()))
    }

    /// Executes a signed transaction in the open block.
    fn submit(&self, py: Python<'_>, transaction: &[u8]) -> PyResult<Receipt> {
        self.with(py, |chain| {
            signals_check()?;
            chain.submit(transaction).map(Receipt::from)
        })
    }

    /// Executes an unsigned transaction in the open block (development chains only).
    #[pyo3(signature = (sender, to, value, data, gas_limit, kind = 0))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of Python
    fn execute(&self, py: Python<'_>, sender: &[u8], to: &[u8], value: u128, data: Vec<u8>, gas_limit: u64, kind: u8) -> PyResult<Receipt> {
        let (from, to) = (bytes32(py, sender, "the sender")?, bytes32(py, to, "the recipient")?);
        let kind = keys::kind_of(kind).map_err(|fault| raise(py, &fault))?;
        self.with(py, |chain| {
            signals_check()?;
            chain.impersonate(from, to, value, data, gas_limit, kind).map(Receipt::from)
        })
    }

    /// Creates an account with a key and a balance unless it exists (development chains only; part of the open block).
    fn endow(&self, py: Python<'_>, public_key: &[u8], balance: u128) -> PyResult<()> {
        let to = detent_host::falcon::address(public_key);
        self.with(py, |chain| match chain.account(&to)? {
            Some(_) => Ok(()),
            None => chain.endow(to, balance, Some(public_key)).map(|_| ()),
        })
    }

    /// Closes the open block: roots, one durable write.
    fn seal(&self, py: Python<'_>) -> PyResult<Block> {
        self.with(py, |chain| {
            let sealed = chain.seal()?;
            Ok(Block { hash: sealed.hash, transactions: sealed.block.transactions.len() as u32, header: sealed.block.header })
        })
    }

    /// Executes signed transactions in sealed blocks of `block_size`. Ctrl-C (or any signal handler that raises) stops it at a
    /// block boundary; the exception is raised then.
    fn run_batch(&self, py: Python<'_>, transactions: Vec<Vec<u8>>, block_size: usize) -> PyResult<Batch> {
        let stop: Arc<AtomicBool> = self.with(py, |chain| Ok(chain.stop_flag()))?;
        let (done, waiting) = channel::<()>();
        let waiting = Mutex::new(waiting); // the closure that waits is handed to PyO3, which wants it shareable
        std::thread::scope(|scope| {
            let batch = std::thread::Builder::new().name("detent-batch".into()).spawn_scoped(scope, || {
                let _done = done; // dropped at the end, also by a panic, which wakes the waiting thread
                signals_check()?;
                let mut guard = self.lock()?;
                held(&mut guard)?.run_batch(&transactions, block_size)
            });
            let batch = batch.map_err(|e| raise(py, &Fault::new(Code::NodeFault, format!("no thread for the batch: {e}"))))?;
            let mut raised = None;
            while let Err(RecvTimeoutError::Timeout) =
                py.detach(|| waiting.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE))
            {
                if raised.is_none()
                    && let Err(exception) = py.check_signals()
                {
                    stop.store(true, Ordering::SeqCst);
                    raised = Some(exception);
                }
            }
            let ended = detached(py, || {
                batch.join().unwrap_or_else(|_| Err(Fault::new(Code::NodeFault, "the core panicked while it ran a batch")))
            });
            match raised {
                Some(exception) => Err(exception),
                None => ended.map(Batch),
            }
        })
    }

    /// Runs a function on the open block's state and drops what it did.
    fn view(&self, py: Python<'_>, to: &[u8], function: &str, calldata: &[u8], caller: &[u8], gas: u64) -> PyResult<Receipt> {
        let (to, from) = (bytes32(py, to, "the contract")?, bytes32(py, caller, "the caller")?);
        self.with(py, |chain| {
            signals_check()?;
            let request = ViewRequest { from, gas, ..ViewRequest::new(to, function, calldata) };
            let view = chain.view(&request)?;
            Ok(Receipt::of_view(view, from, chain.height() + 1))
        })
    }

    /// Quanta.
    fn balance(&self, py: Python<'_>, address: &[u8]) -> PyResult<u128> {
        let address = bytes32(py, address, "an address")?;
        self.with(py, |chain| chain.balance(&address))
    }

    /// The lowest unused nonce.
    fn nonce(&self, py: Python<'_>, address: &[u8]) -> PyResult<u64> {
        let address = bytes32(py, address, "an address")?;
        self.with(py, |chain| chain.nonce(&address))
    }

    /// An account's record as JSON.
    fn account_json(&self, py: Python<'_>, address: &[u8]) -> PyResult<Option<String>> {
        let address = bytes32(py, address, "an address")?;
        self.with(py, |chain| Ok(chain.account(&address)?.map(|account| account.to_json().to_string())))
    }

    /// Code as deployed.
    fn code<'py>(&self, py: Python<'py>, address: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let address = bytes32(py, address, "an address")?;
        Ok(self.with(py, |chain| chain.code(&address))?.map(|code| PyBytes::new(py, &code)))
    }

    /// A storage value.
    fn storage<'py>(&self, py: Python<'py>, address: &[u8], slot: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let (address, slot) = (bytes32(py, address, "an address")?, bytes32(py, slot, "a slot")?);
        Ok(self.with(py, |chain| chain.storage(&address, &slot))?.map(|value| PyBytes::new(py, &value)))
    }

    /// The receipt of a transaction in a sealed block.
    fn receipt(&self, py: Python<'_>, tx_hash: &[u8]) -> PyResult<Option<Receipt>> {
        let hash = bytes32(py, tx_hash, "a transaction hash")?;
        self.with(py, |chain| Ok(chain.receipt(&hash)?.map(Receipt::from)))
    }

    /// A sealed block.
    fn block(&self, py: Python<'_>, height: u64) -> PyResult<Option<Block>> {
        self.with(py, |chain| block_of(chain, height))
    }

    /// Sets the time of the next block (development chains only).
    fn set_time(&self, py: Python<'_>, timestamp: u64) -> PyResult<()> {
        self.with(py, |chain| chain.set_time(timestamp))
    }

    /// Remembers the last sealed state.
    fn snapshot(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, Inner::snapshot)
    }

    /// Goes back to a snapshot.
    fn revert_to(&self, py: Python<'_>, snapshot: u64) -> PyResult<()> {
        self.with(py, |chain| chain.revert_to(snapshot))
    }

    /// Re-executes every block on another engine from genesis; JSON with the roots compared.
    fn replay(&self, py: Python<'_>, engine: &str) -> PyResult<String> {
        self.with(py, |chain| {
            signals_check()?;
            let replay = chain.replay(0..=chain.height(), engine)?;
            let last = replay.blocks.last().map_or([0; 32], |block| block.replayed_root);
            let difference = replay.blocks.iter().find_map(|block| block.difference.clone());
            let root: String = last.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(serde_json::json!({
                "engine": replay.engine,
                "equal": replay.equal(),
                "blocks": replay.blocks.len(),
                "state_root": format!("0x{root}"),
                "difference": difference,
            })
            .to_string())
        })
    }

    /// Releases the store's lock. What is not in a sealed block is gone.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || {
            drop(self.lock()?.take());
            Ok(())
        })
    }
}
