//! One host call after another against a memory of the test's choosing.

use super::world::Accounts;
use detent_engine::{Exit, Host, Instance, Reply};
use detent_gas::{FuncType, Import, ValType};
use detent_host::{FrameContext, Function, HostFrame, ImportTable, Outcome};
use detent_protocol::{HostFunction, HostTable, ValueType};
use std::sync::Arc;

pub const SELF: [u8; 32] = [0x5e; 32];
pub const CALLER: [u8; 32] = [0xca; 32];
pub const ORIGIN: [u8; 32] = [0x0a; 32];
pub const TX_HASH: [u8; 32] = [0x7a; 32];

/// The instance side of a call, as an engine gives it.
#[derive(Clone, Debug)]
pub struct Guest {
    pub memory: Vec<u8>,
    pub fuel: u64,
}

impl Instance for Guest {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn fuel(&mut self) -> u64 {
        self.fuel
    }

    fn charge(&mut self, fuel: u64) -> Result<(), Exit> {
        match self.fuel.checked_sub(fuel) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => Err(Exit::OutOfGas),
        }
    }

    fn rest(&mut self) -> i32 {
        4096
    }

    fn pages(&mut self) -> u32 {
        17
    }
}

/// The table's entry of a function.
pub fn entry(name: &str) -> &'static HostFunction {
    &HostTable::current().functions[name]
}

/// Every available function as an import, in the order of [`Function::ALL`].
pub fn imports() -> Vec<Import> {
    let types = |list: &[ValueType]| list.iter().map(|t| if *t == ValueType::I32 { ValType::I32 } else { ValType::I64 }).collect();
    let import = |f: &Function| {
        let ty = FuncType { params: types(&entry(f.name()).params), results: types(&entry(f.name()).results) };
        Import { module: "pyde".into(), name: f.name().into(), ty }
    };
    Function::ALL.iter().map(import).collect()
}

/// A frame's context for tests: value 5, calldata 1..=20, no view, no schema.
pub fn context() -> FrameContext {
    FrameContext {
        self_address: SELF,
        caller: CALLER,
        origin: ORIGIN,
        value: 5 << 100,
        calldata: (1..=20).collect(),
        view: false,
        depth: 3,
        tx_hash: TX_HASH.into(),
        schema: None,
    }
}

/// A frame and its guest.
pub struct Bench {
    pub host: HostFrame<Accounts>,
    pub guest: Guest,
}

impl Bench {
    pub fn new(world: Accounts, context: FrameContext) -> Bench {
        let table: Arc<ImportTable> = ImportTable::new(&imports()).expect("the table's own types");
        Bench { host: HostFrame::new(world, context, &table), guest: Guest { memory: vec![0; 65536], fuel: 1 << 40 } }
    }

    /// One gas a fuel, an empty world, the plain context.
    pub fn plain() -> Bench {
        Bench::new(Accounts::new(1), context())
    }

    /// Calls by name; arguments may be negative.
    pub fn call(&mut self, name: &str, args: &[i64]) -> Result<i64, Exit> {
        let import = Function::ALL.iter().position(|f| f.name() == name).expect("a function of the table");
        let raw: Vec<u64> = args
            .iter()
            .zip(&entry(name).params)
            .map(|(&arg, ty)| if *ty == ValueType::I32 { u64::from(arg as u32) } else { arg as u64 })
            .collect();
        assert_eq!(raw.len(), entry(name).params.len(), "{name} takes other arguments");
        match self.host.call(import, &raw, &mut self.guest)? {
            Reply::Value(bits) if entry(name).results == [ValueType::I32] => Ok(i64::from(bits as u32 as i32)),
            Reply::Value(bits) => Ok(bits as i64),
            Reply::CallBack { .. } => panic!("no host function here calls back"),
        }
    }

    /// As [`Bench::call`], with the fuel it took.
    pub fn metered(&mut self, name: &str, args: &[i64]) -> (Result<i64, Exit>, u64) {
        let before = self.guest.fuel;
        let result = self.call(name, args);
        (result, before - self.guest.fuel)
    }

    /// Writes into the guest's memory.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.guest.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Reads the guest's memory.
    pub fn get(&self, at: usize, length: usize) -> &[u8] {
        &self.guest.memory[at..at + length]
    }

    /// A u32 of the guest's memory.
    pub fn cell(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.get(at, 4).try_into().expect("4 bytes"))
    }

    /// Ends the frame.
    pub fn end(self) -> (Accounts, FrameContext, Outcome) {
        self.host.into_parts()
    }
}

/// Whether a call ended in a trap whose words contain `text`.
pub fn traps(result: &Result<i64, Exit>, text: &str) -> bool {
    matches!(result, Err(Exit::Trap(words)) if words.contains(text))
}
