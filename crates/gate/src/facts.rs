//! What the gate measured: sizes and counts, imports and exports.

use crate::limit::Limit;
use serde::{Serialize, Serializer};
use wasmparser::{ExternalKind, FuncType, ValType};

/// At most so many imports, exports and custom sections are listed.
pub(crate) const LISTED: usize = 2000;

/// Sizes, counts and names of a module. Complete for admitted modules; for others as far as the module could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The measured value of each limit.
    pub shape: Shape,
    /// Bytes of the code section's contents.
    pub code_bytes: u64,
    /// Initial memory, pages; `None` without a memory.
    pub memory_pages: Option<u64>,
    /// Declared maximum of the memory, pages.
    pub memory_maximum: Option<u64>,
    /// Imports in order, as `module.name`.
    pub imports: Vec<String>,
    /// Exports in order.
    pub exports: Vec<ExportFact>,
    /// Custom sections in order, with the bytes of their contents.
    pub customs: Vec<(String, u64)>,
    /// Whether there is a start function.
    pub start: bool,
    /// Bytes after rewriting, of the larger of the two forms; `None` before.
    pub rewritten_bytes: Option<u64>,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportFact {
    /// Its name.
    pub name: String,
    /// `func`, `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
    /// Type of a function, as in `(i32) -> ()`.
    #[serde(rename = "type")]
    pub ty: Option<String>,
}

/// The measured value of every limit: the greatest for those of one function or name, the sum for the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape([u64; Limit::ALL.len()]);

impl Default for Shape {
    fn default() -> Shape {
        Shape([0; Limit::ALL.len()])
    }
}

impl Shape {
    /// The measured value.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0.get(limit as usize).copied().unwrap_or(0)
    }

    pub(crate) fn slot(&mut self, limit: Limit) -> Option<&mut u64> {
        self.0.get_mut(limit as usize)
    }
}

/// An object with the schedule's keys.
impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Limit::ALL.iter().map(|&l| (l.key(), self.get(l))))
    }
}

pub(crate) fn kind_name(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "func",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}

/// `(i32, i64) -> (i32)`.
pub(crate) fn signature(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}
