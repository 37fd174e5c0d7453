//! Errors as data: a stable code, what happened, where, and (from the catalogue) what to try.

use std::fmt;

include!(concat!(env!("OUT_DIR"), "/codes.rs"));

/// A line of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Stable code, never reused: `D101`.
    pub code: &'static str,
    /// Stable name: `module_malformed`.
    pub name: &'static str,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// What to try, one sentence.
    pub cure: &'static str,
}

impl Code {
    /// The catalogue's line for this code.
    pub fn entry(self) -> &'static Entry {
        &ENTRIES[self as usize]
    }

    /// Looks a code up by its stable name or its number (`D101`).
    pub fn find(text: &str) -> Option<Code> {
        CODES.iter().copied().find(|c| c.entry().name == text || c.entry().code == text)
    }
}

/// An error of Detent: what every fallible function returns, and what Python raises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which error of the catalogue.
    pub code: Code,
    /// What was wrong this time.
    pub detail: String,
    /// Where: an offset, a function, a file, a field.
    pub at: Option<String>,
}

impl Fault {
    /// An error with its particulars.
    pub fn new(code: Code, detail: impl Into<String>) -> Fault {
        Fault { code, detail: detail.into(), at: None }
    }

    /// The same error with a place.
    pub fn at(mut self, place: impl fmt::Display) -> Fault {
        self.at = Some(place.to_string());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.code.entry();
        write!(f, "{} {}: {}", entry.code, entry.name, if self.detail.is_empty() { entry.meaning } else { &self.detail })?;
        if let Some(at) = &self.at {
            write!(f, " (at {at})")?;
        }
        write!(f, ". {}", entry.cure)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_well_formed() {
        let mut codes: Vec<_> = ENTRIES.iter().map(|e| e.code).collect();
        let mut names: Vec<_> = ENTRIES.iter().map(|e| e.name).collect();
        codes.sort_unstable();
        names.sort_unstable();
        assert!(codes.windows(2).all(|w| w[0] != w[1]), "a code is used twice");
        assert!(names.windows(2).all(|w| w[0] != w[1]), "a name is used twice");
        for e in ENTRIES {
            assert!(e.code.len() == 4 && e.code.starts_with('D') && e.code[1..].bytes().all(|b| b.is_ascii_digit()), "{}", e.code);
            assert!(!e.meaning.is_empty() && !e.cure.is_empty(), "{} lacks a meaning or a cure", e.code);
        }
    }

    #[test]
    fn find_goes_both_ways() {
        for &code in CODES {
            assert_eq!(Code::find(code.entry().name), Some(code));
            assert_eq!(Code::find(code.entry().code), Some(code));
        }
        assert_eq!(Code::find("no such"), None);
    }
}
