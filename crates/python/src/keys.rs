//! Falcon-512 keys, signatures and signed transactions.

use crate::errors::{bytes32, detached, raise};
use detent_chain::transaction::FeePayer;
use detent_chain::{Transaction, TxKind};
use detent_host::falcon::{self, SecretKey};
use detent_protocol::{Code, Fault};
use detent_state::workers;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rayon::prelude::*;
use std::sync::Arc;

/// A key pair.
#[pyclass(frozen, module = "detent._core")]
pub struct Key {
    inner: Arc<SecretKey>,
    address: [u8; 32],
}

impl Key {
    fn new(seed: &[u8; 32]) -> Key {
        let inner = SecretKey::from_seed(seed);
        Key { address: inner.address(), inner: Arc::new(inner) }
    }
}

/// (index of the key, to, value, data, gas limit, nonce, kind)
type Unsigned<'a> = (usize, Vec<u8>, u128, Vec<u8>, u64, u64, u8);

pub fn kind_of(number: u8) -> Result<TxKind, Fault> {
    match number {
        0 => Ok(TxKind::Standard),
        1 => Ok(TxKind::Deploy),
        13 => Ok(TxKind::RegisterPubkey),
        other => Err(Fault::new(Code::TxKindUnsupported, format!("kind {other}"))),
    }
}

fn signed(key: &SecretKey, mut tx: Transaction) -> Vec<u8> {
    // a signature depends on key and message alone, so that histories can be made again byte for byte
    tx.sign(key, &[0; 32]);
    tx.encode()
}

#[pymethods]
impl Key {
    /// The key pair of a 32-byte seed.
    #[staticmethod]
    fn from_seed(py: Python<'_>, seed: &[u8]) -> PyResult<Key> {
        let seed = bytes32(py, seed, "a seed")?;
        detached(py, || Ok(Key::new(&seed)))
    }

    /// Many key pairs, on all cores.
    #[staticmethod]
    fn from_seeds(py: Python<'_>, seeds: Vec<Vec<u8>>) -> PyResult<Vec<Key>> {
        let seeds = seeds.iter().map(|seed| bytes32(py, seed, "a seed")).collect::<PyResult<Vec<_>>>()?;
        detached(py, || Ok(workers()?.install(|| seeds.par_iter().map(Key::new).collect())))
    }

    /// 32 bytes: Poseidon2 of the public key.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.address)
    }

    /// 897 bytes.
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.public())
    }

    /// A signature under the chain's context, compact form.
    fn sign<'py>(&self, py: Python<'py>, message: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let signature = detached(py, || Ok(self.inner.sign(message, &[0; 32])))?;
        Ok(PyBytes::new(py, &signature))
    }

    /// A signed transaction's bytes.
    #[pyo3(signature = (*, to, value, data, gas_limit, nonce, chain_id, kind = 0, deadline = None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of Python
    fn transaction<'py>(
        &self,
        py: Python<'py>,
        to: &[u8],
        value: u128,
        data: &[u8],
        gas_limit: u64,
        nonce: u64,
        chain_id: u64,
        kind: u8,
        deadline: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let to = bytes32(py, to, "the recipient")?;
        let kind = kind_of(kind).map_err(|fault| raise(py, &fault))?;
        let bytes = detached(py, || {
            let tx = Transaction {
                kind,
                deadline,
                fee_payer: FeePayer::Sender,
                ..Transaction::standard(self.address, to, value, data.to_vec(), gas_limit, nonce, chain_id)
            };
            Ok(signed(&self.inner, tx))
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        format!("<Key of 0x{}>", self.address.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

/// Whether a signature is valid under the chain's context.
#[pyfunction]
pub fn verify(py: Python<'_>, public_key: &[u8], message: &[u8], signature: &[u8]) -> PyResult<bool> {
    detached(py, || Ok(falcon::verify(public_key, message, signature)))
}

/// Signed transactions of (index of the key, to, value, data, gas limit, nonce, kind), on all cores.
#[pyfunction]
pub fn sign_batch<'py>(
    py: Python<'py>,
    keys: Vec<PyRef<'py, Key>>,
    unsigned: Vec<Unsigned<'_>>,
    chain_id: u64,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let keys: Vec<(Arc<SecretKey>, [u8; 32])> = keys.iter().map(|key| (Arc::clone(&key.inner), key.address)).collect();
    let made = detached(py, || {
        let one = |(index, to, value, data, gas_limit, nonce, kind): &Unsigned<'_>| {
            let Some((key, from)) = keys.get(*index) else {
                return Err(Fault::new(Code::ArgumentWrong, format!("there is no key {index}")));
            };
            let to = <[u8; 32]>::try_from(&to[..])
                .map_err(|_| Fault::new(Code::AddressMalformed, format!("the recipient is 32 bytes, not {}", to.len())))?;
            let standard = Transaction::standard(*from, to, *value, data.clone(), *gas_limit, *nonce, chain_id);
            Ok(signed(key, Transaction { kind: kind_of(*kind)?, ..standard }))
        };
        workers()?.install(|| unsigned.par_iter().map(one).collect::<Result<Vec<_>, Fault>>())
    })?;
    Ok(made.iter().map(|bytes| PyBytes::new(py, bytes)).collect())
}
