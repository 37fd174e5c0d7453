//! Text that is put together at compile time: event signatures, signature records.

/// Up to [`Text::CAPACITY`] bytes of text.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; Text::CAPACITY],
    len: usize,
}

impl Text {
    /// More is a compile-time error.
    pub const CAPACITY: usize = 512;

    /// Empty text.
    pub const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    /// With `more` behind it.
    pub const fn push(self, more: &str) -> Self {
        self.push_bytes(more.as_bytes())
    }

    /// With another text behind it.
    pub const fn join(self, more: &Text) -> Self {
        self.push_bytes(more.as_bytes())
    }

    /// With an item of a list behind it: a comma precedes it unless the text ends in `(`.
    pub const fn item(self, more: &Text) -> Self {
        let opens = self.len > 0 && self.bytes[self.len - 1] == b'(';
        if opens { self.join(more) } else { self.push(",").join(more) }
    }

    const fn push_bytes(mut self, more: &[u8]) -> Self {
        let mut i = 0;
        while i < more.len() {
            self.bytes[self.len] = more[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    /// Length in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes as an array; `N` must be the length.
    pub const fn to_array<const N: usize>(&self) -> [u8; N] {
        assert!(N == self.len, "N is the length of the text");
        let mut out = [0; N];
        let mut i = 0;
        while i < N {
            out[i] = self.bytes[i];
            i += 1;
        }
        out
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn lists_have_commas_between_items_only() {
        const A: Text = Text::new().push("uint128");
        const LIST: Text = Text::new().push("F(").item(&A).item(&A).push(")");
        assert_eq!(LIST.as_bytes(), b"F(uint128,uint128)");
        assert_eq!(LIST.to_array::<18>(), *b"F(uint128,uint128)");
        assert!(Text::new().is_empty() && LIST.len() == 18);
    }
}
