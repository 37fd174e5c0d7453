//! The gas schedule: every price and limit of the deterministic form (`docs/metering.md` gives the rules).

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../python/detent/protocol/schedule.toml");

/// A version of the schedule. Costs are in fuel.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    #[serde(rename = "schedule")]
    head: Head,
    /// Prices of operators.
    pub operators: Operators,
    /// Prices of entering a function.
    pub function: Function,
    /// Prices per unit of work named by an operand.
    pub dynamic: Dynamic,
    /// Prices of entering a frame.
    pub instance: Instance,
    /// Sizes of the logical stack, in bytes.
    pub stack: Stack,
    /// Limits of frames and transactions.
    pub limits: Limits,
    /// Prices of deployments.
    pub deploy: Deploy,
    /// Shapes that the gate admits.
    pub gate: Gate,
    #[serde(skip)]
    hash: [u8; 32],
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
}

/// Prices of operators, by name (`i32_div_s`).
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    /// Of every operator that has no price of its own.
    pub default: u32,
    /// Operators that cost nothing.
    pub free: Vec<String>,
    /// Operators with a price of their own.
    pub cost: BTreeMap<String, u32>,
}

impl Operators {
    /// The price of an operator; `name` as in the text format, with `_` for `.`.
    pub fn price(&self, name: &str) -> u32 {
        if self.free.iter().any(|f| f == name) {
            return 0;
        }
        self.cost.get(name).copied().unwrap_or(self.default)
    }
}

macro_rules! table {
    ($(#[$doc:meta])* $name:ident: $ty:ty { $($(#[$fdoc:meta])* $field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, PartialEq)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }
    };
}

table! {
    /// Added to the first block of a function.
    Function: u32 {
        /// Each entry.
        entry,
        /// Each declared local.
        local,
    }
}
table! {
    /// Dynamic charges.
    Dynamic: u32 {
        /// Each started 8 bytes of a bulk operator.
        memory_word,
        /// Each page asked of `memory.grow`.
        memory_page,
        /// Each table element of a bulk operator.
        table_element,
    }
}
table! {
    /// The instance charge.
    Instance: u32 {
        /// Each frame.
        base,
        /// Each initial page.
        memory_page,
        /// Each started 8 bytes of data segments.
        data_word,
        /// Each entry of element segments.
        element,
        /// Each defined global.
        global,
        /// Each started 8 bytes of the code section.
        code_word,
    }
}
table! {
    /// The logical stack, in bytes.
    Stack: u32 {
        /// Each activation, besides 8 for each parameter, local and operand.
        frame,
        /// Each reachable operator but `block`, `loop`, `end`, `else`, `nop`.
        operator,
        /// Each nested call.
        nested_call,
    }
}
table! {
    /// Limits of frames and transactions.
    Limits: u32 {
        /// Pages of one frame.
        memory_pages,
        /// Elements of one table.
        table_elements,
        /// Pages over all live frames of a transaction.
        live_pages,
        /// The logical stack of a transaction.
        stack_bytes,
        /// Frames nested in a transaction.
        call_depth,
    }
}
table! {
    /// Prices of deployments; the names end in their unit.
    Deploy: u32 {
        /// Each deployment. Gas.
        base_gas,
        /// Each byte of the module. Gas.
        byte_gas,
        /// Each defined function. Fuel.
        function_fuel,
        /// Each byte of the module in the side form. Fuel.
        rewritten_byte_fuel,
    }
}

/// Shapes that the gate admits, before rewriting; `docs/gate.md` says which attack each answers.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names are the documentation; the page has the reasons
pub struct Gate {
    pub module_bytes: u32,
    pub functions: u32,
    pub types: u32,
    pub imports: u32,
    pub exports: u32,
    pub globals: u32,
    pub mutable_globals: u32,
    pub tables: u32,
    pub memories: u32,
    pub table_entries: u32,
    pub element_segments: u32,
    pub element_entries: u32,
    pub element_expressions: u32,
    pub data_segments: u32,
    pub data_bytes: u32,
    pub custom_bytes: u32,
    pub name_bytes: u32,
    pub body_bytes: u32,
    pub parameters: u32,
    pub parameters_total: u32,
    pub results: u32,
    pub locals: u32,
    pub locals_total: u32,
    pub operand_height: u32,
    pub nesting: u32,
    pub blocks_per_function: u32,
    pub blocks_total: u32,
    pub branch_targets_per_function: u32,
    pub branch_targets_total: u32,
    pub calls_per_function: u32,
    pub rewritten: Rewritten,
}

table! {
    /// Caps on what an engine is given.
    Rewritten: u32 {
        /// The rewritten binary.
        module_bytes,
        /// One rewritten function body.
        body_bytes,
    }
}

impl Schedule {
    /// The schedule in force.
    pub fn current() -> &'static Schedule {
        static CURRENT: LazyLock<Schedule> = LazyLock::new(|| Schedule::parse(TEXT).expect("the embedded schedule parses; a test says so"));
        &CURRENT
    }

    /// Reads a schedule file. The error names the line.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let mut schedule: Schedule = toml::from_str(text).map_err(|e| e.to_string())?;
        schedule.hash = *blake3::hash(text.as_bytes()).as_bytes();
        Ok(schedule)
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.head.version
    }

    /// Blake3 of the file: part of every artefact key.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_schedule_parses() {
        let s = Schedule::current();
        assert_eq!(s.version(), 1);
        assert_eq!(s.operators.price("nop"), 0);
        assert_eq!(s.operators.price("i64_div_s"), 12);
        assert_eq!(s.operators.price("i32_add"), s.operators.default);
        assert!(s.operators.free.iter().all(|f| !s.operators.cost.contains_key(f)));
    }

    #[test]
    fn only_these_are_free() {
        // docs/metering.md section 1; a free operator anywhere else is free work
        let mut free = Schedule::current().operators.free.clone();
        free.sort();
        assert_eq!(free, ["block", "else", "end", "loop", "nop"]);
        assert!(Schedule::current().operators.cost.values().all(|&c| c > 0));
        assert!(Schedule::current().operators.default > 0);
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(Schedule::parse(&TEXT.replace("memory_word", "memory_wrod")).is_err());
    }
}
