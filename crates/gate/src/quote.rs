//! Names out of hostile modules, fit for messages.

/// Names longer than this are shortened. Bytes.
const LONGEST: usize = 64;

/// `name` in quotation marks, escaped, and shortened if it is long.
pub(crate) fn quoted(name: &str) -> String {
    match cut(name) {
        Some(head) => format!("{head:?}..."),
        None => format!("{name:?}"),
    }
}

/// `name` as it is, shortened if it is long.
pub(crate) fn shortened(name: &str) -> String {
    match cut(name) {
        Some(head) => format!("{head}..."),
        None => name.into(),
    }
}

fn cut(name: &str) -> Option<&str> {
    let end = name.char_indices().map(|(i, _)| i).find(|&i| i >= LONGEST)?;
    name.get(..end)
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
