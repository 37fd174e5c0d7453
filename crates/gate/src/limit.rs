//! The shapes that are counted: each has a cap in `[gate]` of the schedule, words for its excess, and advice.
//!
//! Which attack each cap answers is in `docs/gate.md`.

use detent_protocol::Schedule;

macro_rules! limits {
    ($($(#[$doc:meta])* $variant:ident = $key:ident, $what:literal, $hint:expr;)*) => {
        /// A counted shape. The order is the order in which excesses are reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Limit { $($(#[$doc])* $variant,)* }

        impl Limit {
            /// Every limit, in order.
            pub const ALL: &'static [Limit] = &[$(Limit::$variant,)*];

            /// Its key in `[gate]`.
            pub const fn key(self) -> &'static str {
                match self { $(Limit::$variant => stringify!($key),)* }
            }

            /// The rule's name: `gate.functions`.
            pub const fn name(self) -> &'static str {
                match self { $(Limit::$variant => concat!("gate.", stringify!($key)),)* }
            }

            /// The greatest admitted value.
            pub fn cap(self, schedule: &Schedule) -> u64 {
                match self { $(Limit::$variant => u64::from(schedule.gate.$key),)* }
            }

            /// What is counted, for "10001 functions".
            pub(crate) const fn what(self) -> &'static str {
                match self { $(Limit::$variant => $what,)* }
            }

            pub(crate) const fn hint(self) -> &'static str {
                match self { $(Limit::$variant => $hint,)* }
            }
        }
    };
}

const SMALLER: &str = "Build for size (Rust: opt-level = \"z\", lto = true; C: -Oz), strip custom sections, or split the contract in two.";
const SPLIT: &str = "Split the function: keep compilers from inlining into it (Rust: #[inline(never)]; C: __attribute__((noinline))).";
const TABLES: &str = "Use fewer functions behind pointers (trait objects, callbacks).";
const SIGNATURES: &str = "Pass a pointer to a structure instead of so many values.";
const STATICS: &str = "Make the data smaller, or let the linker merge segments (the default of wasm-ld).";

limits! {
    /// Size of the binary. Checked first, and alone.
    ModuleBytes = module_bytes, "bytes", SMALLER;
    /// Defined functions.
    Functions = functions, "functions", SMALLER;
    /// Entries of the type section.
    Types = types, "types", "Use fewer distinct signatures.";
    /// Imports of any kind.
    Imports = imports, "imports", "Import each host function once.";
    /// Exports of any kind.
    Exports = exports, "exports", "Export only entry points and memory.";
    /// Defined globals.
    Globals = globals, "globals", "Keep state in memory or storage instead of globals.";
    /// Defined mutable globals: each is restored when an instance is used again.
    MutableGlobals = mutable_globals, "mutable globals", "Keep state in memory or storage instead of globals.";
    /// Defined tables.
    Tables = tables, "tables", TABLES;
    /// Defined memories.
    Memories = memories, "memories", "Use one memory.";
    /// Initial entries of a table.
    TableEntries = table_entries, "initial table entries", TABLES;
    /// Element segments.
    ElementSegments = element_segments, "element segments", TABLES;
    /// Entries of all element segments.
    ElementEntries = element_entries, "entries of element segments", TABLES;
    /// Those of them that are expressions.
    ElementExpressions = element_expressions, "expressions in element segments", "Write element segments as function indices.";
    /// Data segments.
    DataSegments = data_segments, "data segments", STATICS;
    /// Bytes of all data segments.
    DataBytes = data_bytes, "bytes of data segments", STATICS;
    /// Bytes of all custom sections, names included.
    CustomBytes = custom_bytes, "bytes of custom sections", "Strip debug information and names (Rust: strip = true; C: -s).";
    /// Bytes of one name of an import, export or custom section.
    NameBytes = name_bytes, "bytes of a name", "Use shorter names.";
    /// Bytes of one function body.
    BodyBytes = body_bytes, "bytes of a function body", SPLIT;
    /// Parameters of one function type.
    Parameters = parameters, "parameters", SIGNATURES;
    /// Parameters over all imported and defined functions.
    ParametersTotal = parameters_total, "parameters of all functions", SIGNATURES;
    /// Results of one function type.
    Results = results, "results", SIGNATURES;
    /// Locals that one function declares.
    Locals = locals, "locals", SPLIT;
    /// Locals that all functions declare.
    LocalsTotal = locals_total, "locals of all functions", SPLIT;
    /// Values on a function's operand stack at once.
    OperandHeight = operand_height, "values on the operand stack", SPLIT;
    /// Constructs open at once in one function.
    Nesting = nesting, "nested blocks", SPLIT;
    /// `block`, `loop`, `if`, `else`, `br_if` and `br_table` of one function, and one for the function.
    BlocksPerFunction = blocks_per_function, "blocks of a function", SPLIT;
    /// The same over all functions.
    BlocksTotal = blocks_total, "blocks of all functions", SMALLER;
    /// Targets of all `br_table` of one function, defaults included.
    BranchTargetsPerFunction = branch_targets_per_function, "br_table targets of a function", "Split the switch, or dispatch at one place only.";
    /// The same over all functions.
    BranchTargetsTotal = branch_targets_total, "br_table targets of all functions", "Split the switches, or dispatch at one place only.";
    /// `call` and `call_indirect` of one function.
    CallsPerFunction = calls_per_function, "calls in a function", SPLIT;
}

impl Limit {
    /// Whether a module beyond this limit is not validated at all: validation could take more than linear time, or meet an
    /// implementation limit of the validator first.
    pub(crate) const fn guards_validation(self) -> bool {
        matches!(
            self,
            Limit::Types
                | Limit::Parameters
                | Limit::ParametersTotal
                | Limit::Results
                | Limit::Locals
                | Limit::NameBytes
                | Limit::TableEntries
                | Limit::ElementSegments
                | Limit::DataSegments
                | Limit::BranchTargetsPerFunction
                | Limit::BranchTargetsTotal
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_schedule_is_a_limit_and_the_other_way_round() {
        let mut ours: Vec<&str> = Limit::ALL.iter().map(|l| l.key()).collect();
        // The Debug form names every field of the schedule's table.
        let debug = format!("{:?}", Schedule::current().gate);
        let own = debug.split("rewritten").next().expect("text");
        let mut theirs: Vec<&str> = own.split([' ', '{', ',']).filter_map(|w| w.strip_suffix(':')).filter(|w| !w.is_empty()).collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
    }
}
