//! The rules that a module can break, in their order of precedence.

use crate::limit::Limit;
use detent_protocol::Code;

/// A rule of the gate. The order is the precedence: the code of a refusal is that of the first broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// `gate.module_bytes`, before anything is read.
    ModuleBytes,
    /// No proposal beyond the admitted ones.
    Feature,
    /// The binary parses and validates.
    Malformed,
    /// A limit on shapes.
    Limit(Limit),
    /// Initial memory within `limits.memory_pages`.
    MemoryPages,
    /// Imports come from the host's module.
    ImportModule,
    /// Only functions are imported.
    ImportKind,
    /// Imported functions exist.
    ImportName,
    /// Imported functions are implemented and allowed.
    ImportUnavailable,
    /// Imported functions have the host's type.
    ImportType,
    /// One import has one type throughout the module.
    ImportConflict,
    /// Exports do not begin with the reserved prefix.
    ExportReserved,
    /// Imported functions are not exported.
    ExportImport,
    /// The memory is exported as `memory`.
    MemoryExport,
    /// Active segments have constant offsets.
    SegmentOffset,
    /// Active data segments fit the initial memory.
    DataBounds,
    /// Active element segments fit the initial table.
    ElementBounds,
    /// The ABI section is there once.
    AbiCount,
    /// The ABI section decodes.
    AbiDecode,
    /// Declared functions are exported with type `() -> ()`.
    Entry,
    /// The ABI section does not contradict itself.
    AbiConsistent,
    /// The rewritten module within `gate.rewritten.module_bytes`.
    RewrittenModule,
    /// Rewritten bodies within `gate.rewritten.body_bytes`.
    RewrittenBody,
    /// The rewriter refused.
    Rewrite,
}

impl Rule {
    /// The error of the catalogue.
    pub const fn code(self) -> Code {
        match self {
            Rule::ModuleBytes | Rule::Limit(_) | Rule::MemoryPages | Rule::RewrittenModule | Rule::RewrittenBody => Code::ShapeLimit,
            Rule::Malformed | Rule::Rewrite => Code::ModuleMalformed,
            Rule::Feature => Code::FeatureRefused,
            Rule::ImportModule | Rule::ImportKind | Rule::ImportName => Code::ImportUnknown,
            Rule::ImportUnavailable => Code::ImportUnavailable,
            Rule::ImportType | Rule::ImportConflict => Code::ImportType,
            Rule::ExportReserved => Code::ExportReserved,
            Rule::ExportImport => Code::ExportImport,
            Rule::MemoryExport | Rule::Entry => Code::ExportMissing,
            Rule::SegmentOffset | Rule::DataBounds | Rule::ElementBounds => Code::SegmentBounds,
            Rule::AbiCount | Rule::AbiDecode => Code::AbiSection,
            Rule::AbiConsistent => Code::AbiInconsistent,
        }
    }

    /// Stable name, as in `docs/gate.md`.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::ModuleBytes => Limit::ModuleBytes.name(),
            Rule::Malformed => "malformed",
            Rule::Feature => "feature",
            Rule::Limit(limit) => limit.name(),
            Rule::MemoryPages => "limits.memory_pages",
            Rule::ImportModule => "import_module",
            Rule::ImportKind => "import_kind",
            Rule::ImportName => "import_name",
            Rule::ImportUnavailable => "import_unavailable",
            Rule::ImportType => "import_type",
            Rule::ImportConflict => "import_conflict",
            Rule::ExportReserved => "export_reserved",
            Rule::ExportImport => "export_import",
            Rule::MemoryExport => "memory_export",
            Rule::SegmentOffset => "segment_offset",
            Rule::DataBounds => "data_bounds",
            Rule::ElementBounds => "element_bounds",
            Rule::AbiCount => "abi_count",
            Rule::AbiDecode => "abi_decode",
            Rule::Entry => "entry",
            Rule::AbiConsistent => "abi_consistent",
            Rule::RewrittenModule => "gate.rewritten.module_bytes",
            Rule::RewrittenBody => "gate.rewritten.body_bytes",
            Rule::Rewrite => "rewrite",
        }
    }

    /// What to try, when there is nothing more particular to say.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Rule::ModuleBytes => Limit::ModuleBytes.hint(),
            Rule::Limit(limit) => limit.hint(),
            Rule::MemoryPages => {
                "Build with less initial memory (Rust, C: -z stack-size and fewer static data; AssemblyScript: --initialMemory)."
            }
            Rule::ImportModule => "Import host functions from pyde; redirect or remove the runtime's own imports (WASI, env).",
            Rule::ImportKind => "Define memory, tables and globals in the module (C, Rust: without --import-memory, --import-table).",
            Rule::ImportName => "docs/host-abi.md lists every host function.",
            Rule::ImportType | Rule::ImportConflict => "Declare the function with the type in docs/host-abi.md, the same everywhere.",
            Rule::ExportReserved => "Rename the export: detent: belongs to the runtime.",
            Rule::ExportImport => "Export a function of the module that calls the import.",
            Rule::MemoryExport => "Export the linear memory as memory (wasm-ld does; in text: (export \"memory\" (memory 0))).",
            Rule::SegmentOffset => "Link the module to fixed addresses (without -shared or -fPIC).",
            Rule::DataBounds => "Give the memory a larger minimum (wasm-ld: --initial-memory), or move the segment.",
            Rule::ElementBounds => "Give the table a larger minimum, or move the segment.",
            Rule::Entry => "Export the function under its declared name with type () -> (), or take it out of the manifest.",
            Rule::RewrittenModule | Rule::RewrittenBody => {
                "Metering makes code larger: use fewer branches and calls, or split the function."
            }
            Rule::Malformed
            | Rule::Feature
            | Rule::ImportUnavailable
            | Rule::AbiCount
            | Rule::AbiDecode
            | Rule::AbiConsistent
            | Rule::Rewrite => self.code().entry().cure,
        }
    }
}
