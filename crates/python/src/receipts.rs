//! Receipts, events, blocks and batches, as Python reads them.

use detent_chain::{Event as ChainEvent, Executed, Halt, Header, Notes, Outcome, Receipt as ChainReceipt, View};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// An event of a receipt.
#[pyclass(frozen, module = "detent._core")]
pub struct Event(ChainEvent);

#[pymethods]
impl Event {
    /// The contract that emitted it.
    #[getter]
    fn emitter<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.emitter)
    }

    /// One to four times 32 bytes.
    #[getter]
    fn topics<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.0.topics.iter().map(|topic| PyBytes::new(py, topic)).collect()
    }

    /// Its data.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.data)
    }
}

/// What became of a transaction.
#[pyclass(frozen, module = "detent._core")]
pub struct Receipt {
    inner: ChainReceipt,
    notes: Notes,
}

impl From<Executed> for Receipt {
    fn from(executed: Executed) -> Receipt {
        Receipt { inner: executed.receipt, notes: executed.notes }
    }
}

impl From<ChainReceipt> for Receipt {
    fn from(inner: ChainReceipt) -> Receipt {
        Receipt { inner, notes: Notes::default() }
    }
}

impl Receipt {
    /// A view's answer in the form of a receipt: no transaction, no fee.
    pub fn of_view(view: View, sender: [u8; 32], height: u64) -> Receipt {
        let inner = ChainReceipt {
            tx_hash: [0; 32].into(),
            sender,
            nonce: 0,
            height,
            index: 0,
            outcome: view.outcome,
            gas_used: view.gas_used,
            fuel_used: view.fuel_used,
            fee_paid: 0,
            events: view.events,
        };
        Receipt { inner, notes: view.notes }
    }
}

#[pymethods]
impl Receipt {
    /// 32 bytes; zero for a view.
    #[getter]
    fn tx_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &*self.inner.tx_hash)
    }

    /// The block's height.
    #[getter]
    fn height(&self) -> u64 {
        self.inner.height
    }

    /// Position in the block.
    #[getter]
    fn index(&self) -> u32 {
        self.inner.index
    }

    /// Who sent it.
    #[getter]
    fn sender<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.sender)
    }

    /// `success`, `revert` or `halt`.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.inner.outcome.name()
    }

    /// Return bytes of a success, revert bytes of a revert, empty for a halt.
    #[getter]
    fn output<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.outcome.bytes())
    }

    /// Why a halt halted: a name of the error catalogue, and particulars.
    #[getter]
    fn reason(&self) -> Option<String> {
        match &self.inner.outcome {
            Outcome::Halt { reason } => Some(match &self.notes.detail {
                Some(detail) if !matches!(reason, Halt::Undeployable(_)) => format!("{}: {detail}", reason.text()),
                Some(detail) => detail.clone(),
                None => reason.text(),
            }),
            _ => None,
        }
    }

    /// Gas.
    #[getter]
    fn gas_used(&self) -> u64 {
        self.inner.gas_used
    }

    /// Fuel.
    #[getter]
    fn fuel_used(&self) -> u64 {
        self.inner.fuel_used
    }

    /// Quanta.
    #[getter]
    fn fee_paid(&self) -> u128 {
        self.inner.fee_paid
    }

    /// Surviving events, in order.
    #[getter]
    fn events(&self) -> Vec<Event> {
        self.inner.events.iter().cloned().map(Event).collect()
    }

    /// (function index, code offset) of each activation that was live at a trap, innermost first; for people.
    #[getter]
    fn frames(&self) -> Vec<(Option<u32>, Option<u32>)> {
        self.notes.frames.iter().map(|frame| (frame.function, frame.offset)).collect()
    }

    /// The consensus encoding.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.to_bytes())
    }

    /// The JSON form that clients read.
    fn to_json(&self) -> String {
        self.inner.to_json().to_string()
    }
}

/// A sealed block.
#[pyclass(frozen, module = "detent._core")]
#[derive(Clone)]
pub struct Block {
    pub header: Header,
    pub hash: [u8; 32],
    pub transactions: u32,
}

#[pymethods]
impl Block {
    /// Height.
    #[getter]
    fn height(&self) -> u64 {
        self.header.height
    }

    /// Blake3 of the header.
    #[getter]
    fn hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.hash)
    }

    /// Hash of the block before.
    #[getter]
    fn parent<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.header.parent)
    }

    /// Seconds since 1970.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.header.timestamp
    }

    /// Root of the state after it.
    #[getter]
    fn state_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.header.state_root)
    }

    /// Root of its receipts.
    #[getter]
    fn receipts_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.header.receipts_root)
    }

    /// Root of its events.
    #[getter]
    fn events_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.header.events_root)
    }

    /// Gas.
    #[getter]
    fn gas_used(&self) -> u64 {
        self.header.gas_used
    }

    /// Quanta per gas.
    #[getter]
    fn base_fee(&self) -> u128 {
        self.header.base_fee
    }

    /// How many transactions it holds.
    #[getter]
    fn transactions(&self) -> u32 {
        self.transactions
    }

    fn __repr__(&self) -> String {
        format!("<Block {} with {} transactions>", self.header.height, self.transactions)
    }
}

/// What became of a batch of transactions.
#[pyclass(frozen, module = "detent._core")]
pub struct Batch(pub detent_chain::Batch);

#[pymethods]
impl Batch {
    /// Blocks sealed, in order.
    #[getter]
    fn blocks(&self) -> Vec<Block> {
        let one = |(header, hash, transactions): &(Header, [u8; 32], u32)| Block {
            header: header.clone(),
            hash: *hash,
            transactions: *transactions,
        };
        self.0.blocks.iter().map(one).collect()
    }

    /// Index in the batch, name of the error, message.
    #[getter]
    fn refused(&self) -> Vec<(usize, &'static str, String)> {
        self.0.refused.iter().map(|(at, fault)| (*at, fault.code.entry().name, fault.to_string())).collect()
    }

    /// Transactions that succeeded.
    #[getter]
    fn succeeded(&self) -> u64 {
        self.0.succeeded
    }

    /// Transactions that are in a block and failed.
    #[getter]
    fn failed(&self) -> u64 {
        self.0.failed
    }

    /// Where time went, in seconds.
    #[getter]
    fn seconds(&self) -> std::collections::BTreeMap<&'static str, f64> {
        let parts = [("signatures", self.0.signatures), ("execution", self.0.execution), ("commitment_and_store", self.0.sealing)];
        parts.into_iter().map(|(name, time)| (name, time.as_secs_f64())).collect()
    }
}
