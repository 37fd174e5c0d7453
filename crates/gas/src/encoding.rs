//! The bytes of a [`Deterministic`] module, for artefact caches.

use crate::{Deterministic, SideTable};
use detent_protocol::{Code, Fault};

/// Begins the bytes; the last one is the version of this encoding.
const MAGIC: [u8; 8] = *b"detent\0\x01";

impl Deterministic {
    /// Encodes for a cache: a versioned header, then [`borsh`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        // Writing to a vector cannot fail, and no list here can have 2^32 entries: all come from one module.
        let written = borsh::to_writer(&mut bytes, self);
        debug_assert!(written.is_ok());
        bytes
    }

    /// Decodes what [`Deterministic::to_bytes`] wrote, the whole of it and nothing more.
    ///
    /// Total: any other bytes give `artefact_damaged`. It does not prove that the module is one that [`crate::rewrite`] would write;
    /// who keeps such bytes authenticates them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Deterministic, Fault> {
        let damaged = |why: &str| Fault::new(Code::ArtefactDamaged, format!("stored deterministic form: {why}"));
        let body = bytes.strip_prefix(&MAGIC).ok_or_else(|| damaged("another version, or no such thing"))?;
        let form: Deterministic = borsh::from_slice(body).map_err(|e| damaged(&e.to_string()))?;
        if !form.side.is_sound() {
            return Err(damaged("side table out of order"));
        }
        if form.form == crate::Form::Fine && form.side != SideTable::default() {
            return Err(damaged("fine form with a side table"));
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Export, Facts, Form, FuncType, Import, ValType};

    fn sample() -> Deterministic {
        let ty = FuncType { params: vec![ValType::I32, ValType::F64], results: vec![ValType::I64] };
        Deterministic {
            wasm: vec![0, 97, 115, 109],
            form: Form::Side,
            side: SideTable::from_entries([(1, 2), (3, 4)]),
            facts: Facts {
                instance_charge: 1,
                initial_pages: 2,
                memory: Some("memory".into()),
                imports: vec![Import { module: "pyde".into(), name: "sload".into(), ty: ty.clone() }],
                exports: vec![Export { name: "main".into(), ty }],
                start: true,
                mutable_globals: 3,
                origin: vec![Some(0), None],
                names: vec![None, Some("f".into())],
            },
        }
    }

    #[test]
    fn bytes_round_trip() {
        assert_eq!(Deterministic::from_bytes(&sample().to_bytes()), Ok(sample()));
    }

    #[test]
    fn every_truncation_and_extension_is_refused() {
        let bytes = sample().to_bytes();
        for n in 0..bytes.len() {
            assert!(Deterministic::from_bytes(&bytes[..n]).is_err(), "{n} of {} bytes", bytes.len());
        }
        assert!(Deterministic::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn no_changed_byte_panics_and_a_disordered_table_is_refused() {
        let bytes = sample().to_bytes();
        for i in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[i] ^= 1 << bit;
                if let Ok(form) = Deterministic::from_bytes(&other) {
                    assert!(form.side.is_sound());
                }
            }
        }
        let mut form = sample();
        form.form = Form::Fine;
        assert_eq!(Deterministic::from_bytes(&form.to_bytes()).map_err(|fault| fault.code), Err(Code::ArtefactDamaged));
    }
}
