//! Which WebAssembly proposals a contract may use, and the names of those that it may not.

use wasmparser::WasmFeatures;

/// What contracts may use: the MVP with floats, mutable globals, sign extension, saturating float-to-int, multi-value and bulk
/// memory, and the long encoding of `call_indirect`'s table index that current compilers write (without reference types).
pub const ADMITTED: WasmFeatures = WasmFeatures::MVP
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG);

/// A proposal that contracts may not use.
#[derive(Debug)]
pub(crate) struct Proposal {
    /// Its name, as compilers and the standard call it.
    pub(crate) name: &'static str,
    /// Its flag.
    pub(crate) flag: WasmFeatures,
    /// What must be on besides for a module that uses it to validate.
    pub(crate) with: WasmFeatures,
    /// How to do without.
    pub(crate) hint: &'static str,
}

const NONE: WasmFeatures = WasmFeatures::empty();
const REFERENCES: WasmFeatures = WasmFeatures::REFERENCE_TYPES.union(WasmFeatures::FUNCTION_REFERENCES);

/// Every refused proposal, those first that others build on.
pub(crate) const PROPOSALS: &[Proposal] = &[
    proposal("simd", WasmFeatures::SIMD, NONE, "Rust: -C target-feature=-simd128; C: -mno-simd128; AssemblyScript: without --enable simd."),
    proposal(
        "relaxed-simd",
        WasmFeatures::RELAXED_SIMD,
        WasmFeatures::SIMD,
        "Rust: -C target-feature=-relaxed-simd; C: -mno-relaxed-simd; AssemblyScript: without --enable relaxed-simd.",
    ),
    proposal(
        "threads",
        WasmFeatures::THREADS,
        NONE,
        "Rust: -C target-feature=-atomics; C: -mno-atomics, without -pthread; AssemblyScript: --disable threads.",
    ),
    proposal("tail-call", WasmFeatures::TAIL_CALL, NONE, "Rust: -C target-feature=-tail-call; C: -mno-tail-call."),
    proposal(
        "reference-types",
        WasmFeatures::REFERENCE_TYPES,
        NONE,
        "Rust: -C target-feature=-reference-types; C: -mno-reference-types; AssemblyScript: --disable reference-types.",
    ),
    proposal(
        "multi-memory",
        WasmFeatures::MULTI_MEMORY,
        NONE,
        "Use one memory; Rust and C: -C target-feature=-multimemory, -mno-multimemory.",
    ),
    proposal("memory64", WasmFeatures::MEMORY64, NONE, "Build for wasm32 instead of wasm64."),
    proposal("extended-const", WasmFeatures::EXTENDED_CONST, NONE, "Rust: -C target-feature=-extended-const; C: -mno-extended-const."),
    proposal(
        "exception-handling",
        WasmFeatures::EXCEPTIONS,
        WasmFeatures::REFERENCE_TYPES,
        "Rust: panic = \"abort\", -C target-feature=-exception-handling; C, C++: -fno-exceptions, -mno-exception-handling.",
    ),
    proposal(
        "legacy-exceptions",
        WasmFeatures::LEGACY_EXCEPTIONS,
        WasmFeatures::EXCEPTIONS,
        "Rust: panic = \"abort\", -C target-feature=-exception-handling; C, C++: -fno-exceptions, -mno-exception-handling.",
    ),
    proposal("function-references", WasmFeatures::FUNCTION_REFERENCES, WasmFeatures::REFERENCE_TYPES, "Call through a table instead."),
    proposal("gc", WasmFeatures::GC, REFERENCES.union(WasmFeatures::GC_TYPES), "Languages whose heap is the engine's cannot be contracts."),
    proposal("custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES, NONE, "Use pages of 64 KiB."),
    proposal("wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC, NONE, "Rust: -C target-feature=-wide-arithmetic; C: -mno-wide-arithmetic."),
    proposal("stack-switching", WasmFeatures::STACK_SWITCHING, REFERENCES, "Do without continuations."),
    proposal("shared-everything-threads", WasmFeatures::SHARED_EVERYTHING_THREADS, REFERENCES, "Contracts have one thread."),
    proposal("memory-control", WasmFeatures::MEMORY_CONTROL, NONE, "Do without memory.discard."),
    proposal("custom-descriptors", WasmFeatures::CUSTOM_DESCRIPTORS, REFERENCES.union(WasmFeatures::GC), "Do without descriptors."),
    proposal("compact-imports", WasmFeatures::COMPACT_IMPORTS, NONE, "Write each import with its module's name."),
    proposal(
        "component-model",
        WasmFeatures::COMPONENT_MODEL,
        NONE,
        "Build a core module: the target is wasm32-unknown-unknown, not a component.",
    ),
];

/// Names of the refused proposals.
pub const REFUSED: [&str; PROPOSALS.len()] = {
    let mut names = [""; PROPOSALS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = PROPOSALS[i].name;
        i += 1;
    }
    names
};

const fn proposal(name: &'static str, flag: WasmFeatures, with: WasmFeatures, hint: &'static str) -> Proposal {
    Proposal { name, flag, with, hint }
}

/// The proposal that `missing` belongs to.
pub(crate) fn proposal_of(missing: WasmFeatures) -> Option<&'static Proposal> {
    PROPOSALS.iter().find(|p| p.flag.intersects(missing.difference(ADMITTED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_of_the_validator_is_admitted_or_a_named_proposal_or_of_components() {
        // A new version of the validator that knows a new proposal fails here, not on a chain.
        let components = WasmFeatures::all().iter_names().filter(|(n, _)| n.starts_with("CM")).map(|(_, f)| f);
        let mut known = ADMITTED | WasmFeatures::COMPONENT_MODEL;
        for more in components.chain(PROPOSALS.iter().map(|p| p.flag)) {
            known |= more;
        }
        assert_eq!(known, WasmFeatures::all());
    }

    #[test]
    fn nothing_refused_is_admitted() {
        for p in PROPOSALS {
            assert!(!ADMITTED.contains(p.flag), "{}", p.name);
            assert!(!p.name.is_empty() && p.hint.ends_with('.'), "{}", p.name);
        }
        assert!(!ADMITTED.contains(WasmFeatures::REFERENCE_TYPES) && ADMITTED.contains(WasmFeatures::CALL_INDIRECT_OVERLONG));
    }
}
