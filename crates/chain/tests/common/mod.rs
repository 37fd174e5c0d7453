//! Contracts and chains for tests. The robot contract (`robot.wat`) does what its calldata says; [`Script`] writes them.
#![allow(dead_code)] // each test file uses a part

use detent_chain::payload::{CallPayload, DeployData};
use detent_chain::{Address, Chain, Executed, Genesis, Options, Outcome, TxKind, address, genesis::Endowment};
use detent_gate::abi::{Attributes, ContractAbi, ContractKind, FieldKind, FunctionAbi, SECTION, ScalarType, StateField, StateSchema, V1_2};

pub const ALICE: Address = [0xa1; 32];
pub const BOB: Address = [0xb0; 32];
/// 10^24 quanta each.
pub const RICH: u128 = 1_000_000_000_000_000_000_000_000;
pub const GAS: u64 = 5_000_000;
pub const DEPLOY_GAS: u64 = 500_000_000;

/// The robot's functions.
pub const ROBOT: &[(&str, Attributes)] = &[
    ("run", Attributes::ENTRY),
    ("look", Attributes(Attributes::VIEW.0 | Attributes::ENTRY.0)),
    ("pay", Attributes(Attributes::PAYABLE.0 | Attributes::ENTRY.0)),
    ("again", Attributes(Attributes::PAYABLE.0 | Attributes::REENTRANT.0 | Attributes::ENTRY.0)),
    ("hidden", Attributes(0)),
];

fn leb(mut n: usize, out: &mut Vec<u8>) {
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        out.push(if n == 0 { byte } else { byte | 0x80 });
        if n == 0 {
            return;
        }
    }
}

/// A module of wat text with an ABI section that declares these functions and one scalar field `counter: u64`.
pub fn contract(wat_text: &str, functions: &[(&str, Attributes)]) -> Vec<u8> {
    let mut wasm = wat::parse_str(wat_text).unwrap();
    let place = |bits: Attributes| functions.iter().position(|f| f.1.has(bits)).map(|i| i as u32);
    let abi = ContractAbi {
        version: V1_2,
        kind: ContractKind::Contract,
        functions: functions
            .iter()
            .map(|(name, attributes)| FunctionAbi {
                selector: *blake3::hash(name.as_bytes()).as_bytes().first_chunk().unwrap(),
                name: (*name).into(),
                attributes: *attributes,
                params: vec![],
                returns: None,
            })
            .collect(),
        state_schema_hash: [0; 32],
        constructor_index: place(Attributes::CONSTRUCTOR),
        fallback_index: place(Attributes::FALLBACK),
        receive_index: place(Attributes::RECEIVE),
        name: "test".into(),
        contract_version: "1".into(),
        events: vec![],
        parachain_imports: vec![],
        state_schema: Some(StateSchema {
            fields: vec![StateField { name: "counter".into(), kind: FieldKind::Scalar { value: ScalarType::U64 } }],
        }),
        types: vec![],
    };
    let mut section = Vec::new();
    leb(SECTION.len(), &mut section);
    section.extend_from_slice(SECTION.as_bytes());
    section.extend(abi.encode());
    wasm.push(0);
    leb(section.len(), &mut wasm);
    wasm.extend(section);
    wasm
}

/// The robot with its usual functions and some more.
pub fn robot(more: &[(&str, Attributes)]) -> Vec<u8> {
    contract(include_str!("robot.wat"), &[ROBOT, more].concat())
}

/// Commands for the robot.
#[derive(Clone, Debug, Default)]
pub struct Script(pub Vec<u8>);

#[derive(Clone, Copy)]
pub enum Kind {
    Call = 0,
    Static = 1,
    Delegate = 2,
}

impl Script {
    pub fn new() -> Script {
        Script::default()
    }

    fn op(mut self, op: u8, operands: &[&[u8]]) -> Script {
        self.0.push(op);
        operands.iter().for_each(|o| self.0.extend_from_slice(o));
        self
    }

    pub fn store(self, slot: u8, value: &[u8]) -> Script {
        self.op(1, &[&[slot; 32], &[value.len() as u8], value])
    }

    pub fn load(self, slot: u8) -> Script {
        self.op(2, &[&[slot; 32]])
    }

    /// A nested call with all gas.
    pub fn call(self, kind: Kind, to: &Address, function: &str, value: u128, script: &Script) -> Script {
        self.call_with_gas(kind, to, function, value, -1, script)
    }

    pub fn call_with_gas(self, kind: Kind, to: &Address, function: &str, value: u128, gas: i64, script: &Script) -> Script {
        let length = u16::try_from(script.0.len()).unwrap();
        self.op(
            3,
            &[
                &[kind as u8],
                to,
                &value.to_le_bytes(),
                &gas.to_le_bytes(),
                &[function.len() as u8],
                function.as_bytes(),
                &length.to_le_bytes(),
                &script.0,
            ],
        )
    }

    pub fn revert(self, data: &[u8]) -> Script {
        self.op(4, &[&[data.len() as u8], data])
    }

    pub fn trap(self) -> Script {
        self.op(5, &[])
    }

    pub fn spin(self) -> Script {
        self.op(6, &[])
    }

    pub fn emit(self, topic: u8, data: &[u8]) -> Script {
        self.op(7, &[&[topic; 32], &[data.len() as u8], data])
    }

    pub fn transfer(self, to: &Address, amount: u128) -> Script {
        self.op(8, &[to, &amount.to_le_bytes()])
    }

    pub fn context(self) -> Script {
        self.op(9, &[])
    }

    pub fn consume(self, gas: i64) -> Script {
        self.op(10, &[&gas.to_le_bytes()])
    }

    pub fn gas(self) -> Script {
        self.op(11, &[])
    }

    pub fn grow(self, pages: i32) -> Script {
        self.op(12, &[&pages.to_le_bytes()])
    }

    pub fn load_scalar(self, name: &str) -> Script {
        self.op(13, &[&[name.len() as u8], name.as_bytes()])
    }

    pub fn balance(self, address: &Address) -> Script {
        self.op(14, &[address])
    }

    pub fn recurse(self, depth: i32) -> Script {
        self.op(15, &[&depth.to_le_bytes()])
    }

    pub fn end(self) -> Script {
        self.op(0, &[])
    }
}

/// A nested call's entry in the robot's output: code, length, bytes copied; and the rest of the output.
pub fn nested(output: &[u8]) -> (i32, u32, &[u8], &[u8]) {
    let (code, rest) = output.split_first_chunk::<4>().unwrap();
    let (length, rest) = rest.split_first_chunk::<4>().unwrap();
    let length = u32::from_le_bytes(*length);
    let (bytes, rest) = rest.split_at(length.min(8192) as usize);
    (i32::from_le_bytes(*code), length, bytes, rest)
}

/// A development genesis in which Alice and Bob are rich.
pub fn genesis() -> Genesis {
    let account = |address| Endowment { address, public_key: None, balance: RICH };
    Genesis { balances: vec![account(ALICE), account(BOB)], ..Genesis::default() }
}

pub fn options(engine: &str) -> Options {
    Options { engine: engine.into(), ..Options::default() }
}

/// A chain in memory on the default engine.
pub fn chain() -> Chain {
    Chain::memory(genesis(), Options::default()).unwrap()
}

pub fn deploy_data(name: &str, wasm: &[u8], init: &[u8]) -> Vec<u8> {
    DeployData { name: name.into(), wasm: wasm.to_vec(), kind: 0, init_calldata: init.to_vec() }.encode()
}

/// Deploys as Alice; gives what happened.
pub fn try_deploy(chain: &mut Chain, name: &str, wasm: &[u8], init: &[u8], value: u128) -> Executed {
    chain.impersonate(ALICE, address::ZERO, value, deploy_data(name, wasm, init), DEPLOY_GAS, TxKind::Deploy).unwrap()
}

/// Deploys as Alice; gives the address.
pub fn deploy(chain: &mut Chain, name: &str, wasm: &[u8]) -> Address {
    let done = try_deploy(chain, name, wasm, &[], 0);
    match &done.receipt.outcome {
        Outcome::Success { output } => output[..].try_into().unwrap(),
        other => panic!("{name}: {other:?} {:?}", done.notes),
    }
}

/// A call by Alice.
pub fn call(chain: &mut Chain, to: &Address, function: &str, value: u128, script: &Script) -> Executed {
    call_with_gas(chain, to, function, value, GAS, script)
}

pub fn call_with_gas(chain: &mut Chain, to: &Address, function: &str, value: u128, gas: u64, script: &Script) -> Executed {
    let data = CallPayload::encode(function, &script.0);
    chain.impersonate(ALICE, *to, value, data, gas, TxKind::Standard).unwrap()
}

/// The output of a call that must succeed.
pub fn output(done: &Executed) -> &[u8] {
    match &done.receipt.outcome {
        Outcome::Success { output } => output,
        other => panic!("{other:?} {:?}", done.notes),
    }
}
