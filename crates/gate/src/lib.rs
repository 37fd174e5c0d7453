//! Admission: features, imports, exports, sizes and shapes. Says every reason at once, each with a code, an offset and a hint.

pub mod abi;
mod quote;
