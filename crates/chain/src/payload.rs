//! What travels in a transaction's data: a call's envelope, and a deployment.

use borsh::{BorshDeserialize, BorshSerialize};
use detent_protocol::{Code, Fault, HostTable};

/// Which function to run, with which bytes. The data of a Standard transaction to a contract, and of a view. Read in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallPayload<'a> {
    /// Name of a declared function.
    pub function: &'a str,
    /// What the contract sees.
    pub calldata: &'a [u8],
}

impl<'a> CallPayload<'a> {
    /// Reads an envelope: exactly its bytes. No bytes at all are the bare envelope, which names no function.
    pub fn decode(data: &'a [u8]) -> Option<CallPayload<'a>> {
        if data.is_empty() {
            return Some(CallPayload::default());
        }
        let (function, rest) = prefixed(data)?;
        let (calldata, rest) = prefixed(rest)?;
        let function = std::str::from_utf8(function).ok()?;
        rest.is_empty().then_some(CallPayload { function, calldata })
    }

    /// The envelope's bytes: borsh.
    pub fn encode(function: &str, calldata: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + function.len() + calldata.len());
        for part in [function.as_bytes(), calldata] {
            out.extend_from_slice(&(part.len() as u32).to_le_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// Bytes led by their length, and what follows them.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// The data of a Deploy transaction.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DeployData {
    /// Name in the registry; the address is derived from it.
    pub name: String,
    /// The module, with its `pyde.abi` section.
    pub wasm: Vec<u8>,
    /// 0 for a contract; parachains (1) are refused.
    pub kind: u8,
    /// What the constructor sees.
    pub init_calldata: Vec<u8>,
}

impl DeployData {
    /// Reads a deployment: exactly its bytes, within the limits.
    pub fn decode(data: &[u8]) -> Result<DeployData, Fault> {
        let malformed = |why: String| Fault::new(Code::DeployDataMalformed, why);
        let deploy: DeployData = borsh::from_slice(data).map_err(|e| malformed(e.to_string()))?;
        if deploy.kind != 0 {
            return Err(malformed(format!("kind {} is not 0, a contract", deploy.kind)));
        }
        let cap = HostTable::current().limits.init_calldata as usize;
        if deploy.init_calldata.len() > cap {
            return Err(malformed(format!("constructor calldata of {} bytes exceed {cap}", deploy.init_calldata.len())));
        }
        Ok(deploy)
    }

    /// The deployment's bytes.
    pub fn encode(&self) -> Vec<u8> {
        borsh::to_vec(self).unwrap_or_default() // writing to memory does not fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // both computed with pyde-rust-sdk 0.3.2
    const CALL: &str = "080000007472616e7366657203000000010203";
    const DEPLOY: &str = "07000000636f756e746572080000000061736d0100000000020000000708";

    #[test]
    fn payloads_are_the_published_clients() {
        assert_eq!(hex::encode(CallPayload::encode("transfer", &[1, 2, 3])), CALL);
        let call = hex::decode(CALL).unwrap();
        let call = CallPayload::decode(&call).unwrap();
        assert_eq!((call.function, call.calldata), ("transfer", &[1, 2, 3][..]));
        let deploy = DeployData { name: "counter".into(), wasm: b"\0asm\x01\0\0\0".to_vec(), kind: 0, init_calldata: vec![7, 8] };
        assert_eq!(hex::encode(deploy.encode()), DEPLOY);
        assert_eq!(DeployData::decode(&hex::decode(DEPLOY).unwrap()).unwrap(), deploy);
    }

    #[test]
    fn parachains_and_surplus_bytes_are_refused() {
        let mut deploy = DeployData { name: "abc".into(), wasm: vec![], kind: 1, init_calldata: vec![] };
        assert_eq!(DeployData::decode(&deploy.encode()).unwrap_err().code, Code::DeployDataMalformed);
        deploy.kind = 0;
        assert!(DeployData::decode(&deploy.encode()).is_ok());
        assert!(DeployData::decode(&[deploy.encode(), vec![0]].concat()).is_err());
        deploy.init_calldata = vec![0; 16385];
        assert!(DeployData::decode(&deploy.encode()).is_err());
        assert_eq!(CallPayload::decode(&[]), Some(CallPayload::default()));
        assert_eq!(CallPayload::decode(&[0, 0, 0, 0, 0, 0, 0, 0, 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_what_encodes_to_them_or_fail(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            let borsh: Option<(String, Vec<u8>)> = borsh::from_slice(&bytes).ok();
            let call = CallPayload::decode(&bytes).map(|call| (call.function.to_string(), call.calldata.to_vec()));
            prop_assert_eq!(&call, &borsh, "it is borsh");
            if let Some((function, calldata)) = call { prop_assert_eq!(CallPayload::encode(&function, &calldata), bytes.clone()); }
            if let Ok(deploy) = DeployData::decode(&bytes) { prop_assert_eq!(deploy.encode(), bytes); }
        }

        #[test]
        fn mutated_payloads_never_panic(at in 0usize..30, byte in any::<u8>(), cut in 0usize..30) {
            let mut bytes = hex::decode(DEPLOY).unwrap();
            bytes[at] = byte;
            let _ = DeployData::decode(&bytes);
            let _ = DeployData::decode(&bytes[..cut]);
            let _ = CallPayload::decode(&bytes[..cut]);
        }
    }
}
