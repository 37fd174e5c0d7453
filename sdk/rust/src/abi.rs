//! Names of types, for signature records and event topics.

use crate::text::Text;
use crate::{Bytes, String, Vec};

/// A type that functions and events may use.
pub trait AbiType {
    /// As Rust writes it, in the `pyde.sig.v1` record that `detent build` compares with the manifest.
    const RUST: Text;
    /// As an event's canonical signature writes it.
    const EVENT: Text;
}

impl AbiType for () {
    const RUST: Text = Text::new();
    const EVENT: Text = Text::new();
}

impl AbiType for String {
    const RUST: Text = Text::new().push("String");
    const EVENT: Text = Text::new().push("string");
}

impl AbiType for Bytes {
    const RUST: Text = Text::new().push("Bytes");
    const EVENT: Text = Text::new().push("bytes");
}

impl<T: AbiType> AbiType for Vec<T> {
    const RUST: Text = Text::new().push("Vec<").join(&T::RUST).push(">");
    const EVENT: Text = T::EVENT.push("[]");
}

impl<T: AbiType> AbiType for Option<T> {
    const RUST: Text = Text::new().push("Option<").join(&T::RUST).push(">");
    const EVENT: Text = Text::new().push("option<").join(&T::EVENT).push(">");
}
