//! Receipts: what a transaction did, in a binary form of our own and in the JSON that Pyde's clients read.

use crate::events::Event;
use crate::outcome::{Halt, Outcome};
use borsh::{BorshDeserialize, BorshSerialize};
use detent_host::{Address, LazyHash};
use detent_protocol::{Code, Fault};
use serde_json::{Value, json};

/// Version of the binary form.
pub const VERSION: u8 = 1;

/// What a transaction did. The same on every machine.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// Hash of the transaction.
    pub tx_hash: LazyHash,
    /// Its sender.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Height of the block.
    pub height: u64,
    /// Position in the block.
    pub index: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Gas paid for.
    pub gas_used: u64,
    /// Fuel used, before the rounding to gas.
    pub fuel_used: u64,
    /// Quanta paid: gas used times the block's base fee.
    pub fee_paid: u128,
    /// What contracts emitted; empty unless it succeeded.
    pub events: Vec<Event>,
}

/// A 0x hexadecimal string.
pub(crate) fn hex0x(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

impl Receipt {
    /// The binary form: a version byte, then borsh. Its Blake3 is the leaf of the receipts root.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(VERSION);
        let _ = self.serialize(&mut out); // writing to memory does not fail
        out
    }

    /// Reads the binary form: exactly its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Receipt, Fault> {
        let malformed = |why: String| Fault::new(Code::RecordMalformed, format!("receipt: {why}"));
        match bytes.split_first() {
            Some((&VERSION, rest)) => borsh::from_slice(rest).map_err(|e| malformed(e.to_string())),
            Some((version, _)) => Err(malformed(format!("version {version} is not {VERSION}"))),
            None => Err(malformed("no bytes".into())),
        }
    }

    /// The JSON form: what Pyde's clients read, numbers as 0x strings, and `outcome`, `sender`, `fuel_used` of ours.
    pub fn to_json(&self) -> Value {
        let number = |n: u128| format!("{n:#x}");
        let event = |(at, e): (usize, &Event)| {
            json!({
                "wave_id": number(self.height.into()),
                "tx_index": number(self.index.into()),
                "event_index": number(at as u128),
                "contract_addr": hex0x(&e.emitter),
                "topics": e.topics.iter().map(|t| hex0x(t)).collect::<Vec<_>>(),
                "data": hex0x(&e.data),
            })
        };
        let mut out = json!({
            "tx_hash": hex0x(&*self.tx_hash),
            "sender": hex0x(&self.sender),
            "wave_id": number(self.height.into()),
            "tx_index": number(self.index.into()),
            "nonce": number(self.nonce.into()),
            "commit_reveal": false,
            "status": self.outcome.status(),
            "gas_used": number(self.gas_used.into()),
            "fuel_used": number(self.fuel_used.into()),
            "fee_paid": number(self.fee_paid),
            "return_data": hex0x(self.outcome.bytes()),
            "events": self.events.iter().enumerate().map(event).collect::<Vec<_>>(),
            "outcome": outcome_json(&self.outcome),
        });
        if let (Some(reason), Some(map)) = (revert_reason(&self.outcome), out.as_object_mut()) {
            map.insert("revert_reason".into(), reason);
        }
        out
    }
}

fn outcome_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Success { output } => json!({"kind": "success", "output": hex0x(output)}),
        Outcome::Revert { data } => json!({"kind": "revert", "data": hex0x(data)}),
        Outcome::Halt { reason } => {
            let entry = reason.code().entry();
            json!({"kind": "halt", "code": entry.code, "reason": reason.text()})
        }
    }
}

/// The published field of that name: absent for successes and when the gas ran out.
fn revert_reason(outcome: &Outcome) -> Option<Value> {
    let (category, message) = match outcome {
        Outcome::Success { .. } | Outcome::Halt { reason: Halt::OutOfGas } => return None,
        Outcome::Revert { data } => ("contract", String::from_utf8_lossy(data).into_owned()),
        Outcome::Halt { reason: reason @ (Halt::Refused(_) | Halt::Undeployable(_)) } => ("engine_validation", reason.text()),
        Outcome::Halt { reason } => ("vm", reason.text()),
    };
    Some(json!({"category": category, "message": message}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::TrapKind;
    use proptest::prelude::*;

    fn receipt(outcome: Outcome) -> Receipt {
        let events = vec![Event { emitter: [5; 32], topics: vec![[6; 32]], data: vec![7] }];
        let (tx_hash, sender) = ([1; 32].into(), [2; 32]);
        Receipt { tx_hash, sender, nonce: 3, height: 16, index: 4, outcome, gas_used: 21000, fuel_used: 900, fee_paid: 2_100_000, events }
    }

    #[test]
    fn the_binary_form_round_trips_and_knows_its_version() {
        for outcome in [
            Outcome::Success { output: vec![1, 2] },
            Outcome::Revert { data: vec![3] },
            Outcome::Halt { reason: Halt::Trap(TrapKind::Host) },
            Outcome::Halt { reason: Halt::Refused(-13) },
        ] {
            let r = receipt(outcome);
            let mut bytes = r.to_bytes();
            assert_eq!(Receipt::from_bytes(&bytes).unwrap(), r);
            assert!(Receipt::from_bytes(&bytes[..bytes.len() - 1]).is_err());
            bytes.push(0);
            assert!(Receipt::from_bytes(&bytes).is_err());
            bytes.pop();
            bytes[0] = VERSION + 1;
            assert_eq!(Receipt::from_bytes(&bytes).unwrap_err().code, Code::RecordMalformed);
        }
        assert!(Receipt::from_bytes(&[]).is_err());
    }

    #[test]
    fn the_json_is_what_published_clients_read() {
        // field names, 0x numbers and states of pyde-rust-sdk 0.3.2, types/rpc.rs
        let json = receipt(Outcome::Revert { data: b"token:paused".to_vec() }).to_json();
        assert_eq!(json["wave_id"], "0x10");
        assert_eq!(json["gas_used"], "0x5208");
        assert_eq!(json["status"], "reverted");
        assert_eq!(json["return_data"], "0x746f6b656e3a706175736564");
        assert_eq!(json["revert_reason"], json!({"category": "contract", "message": "token:paused"}));
        assert_eq!(json["events"][0]["contract_addr"], format!("0x{}", "05".repeat(32)));
        assert_eq!(json["events"][0]["event_index"], "0x0");
        let gas = receipt(Outcome::Halt { reason: Halt::OutOfGas }).to_json();
        assert_eq!((&gas["status"], gas.get("revert_reason")), (&json!("out_of_gas"), None));
        assert_eq!(gas["outcome"], json!({"kind": "halt", "code": "D202", "reason": "out_of_gas"}));
        let trap = receipt(Outcome::Halt { reason: Halt::Trap(TrapKind::Unreachable) }).to_json();
        assert_eq!(trap["revert_reason"], json!({"category": "vm", "message": "trap: unreachable"}));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..200, byte in any::<u8>()) {
            let _ = Receipt::from_bytes(&bytes);
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            let _ = Receipt::from_bytes(&bytes);
            let mut good = receipt(Outcome::Success { output: vec![1; 40] }).to_bytes();
            if let Some(b) = good.get_mut(at) { *b = byte; }
            if let Ok(r) = Receipt::from_bytes(&good) { prop_assert_eq!(r.to_bytes(), good); }
        }
    }
}
