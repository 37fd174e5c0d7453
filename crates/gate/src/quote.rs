//! Names out of hostile modules, fit for messages.

/// Names longer than this are shortened. Bytes.
const LONGEST: usize = 64;

/// `name` in quotation marks, escaped, and shortened if it is long.
pub(crate) fn quoted(name: &str) -> String {
    match name.char_indices().map(|(i, _)| i).find(|&i| i >= LONGEST) {
        Some(cut) => format!("{:?}...", name.get(..cut).unwrap_or_default()),
        None => format!("{name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn long_and_strange_names_stay_short_and_printable() {
        assert_eq!(quoted("a\n\"b"), r#""a\n\"b""#);
        assert_eq!(quoted(&"x".repeat(64)).len(), 66);
        assert!(quoted(&"\u{1F600}".repeat(10_000)).len() < 100);
    }
}
