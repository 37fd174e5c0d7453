//! The globals and helper functions that the form adds, by index in the rewritten module.

/// Values of `detent:status`.
pub(crate) mod status {
    pub const STACK_OVERFLOW: i32 = 1;
    pub const NO_MEMORY: i32 = 2;
}

/// Bits of `detent:flags`.
pub(crate) mod flags {
    pub const GREW: i32 = 1;
    pub const SEGMENT_DROPPED: i32 = 2;
    pub const TABLE_WRITTEN: i32 = 4;
}

/// Indexes of the globals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    pub gas: u32,
    pub rest: u32,
    pub pages: u32,
    pub status: u32,
    pub flags: u32,
    /// Fine form only.
    pub owed: Option<u32>,
}

/// Indexes of the helpers, those that the module needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Helpers {
    /// `memory.grow`: (delta) -> result.
    pub grow: Option<u32>,
    /// Charges a bulk operator on memory: (length) -> the same length.
    pub words: Option<u32>,
    /// Charges an operator that writes a table and flags it: (length) -> the same length.
    pub elements: Option<u32>,
}
