//! Attribute bits of functions and which of them go together (`[entry]` of the ABI).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::BitOr;

/// Attribute bits of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Attributes(pub u32);

/// Names in the order of their bits.
const NAMES: [(Attributes, &str); 8] = [
    (Attributes::VIEW, "view"),
    (Attributes::PAYABLE, "payable"),
    (Attributes::REENTRANT, "reentrant"),
    (Attributes::SPONSORED, "sponsored"),
    (Attributes::CONSTRUCTOR, "constructor"),
    (Attributes::FALLBACK, "fallback"),
    (Attributes::RECEIVE, "receive"),
    (Attributes::ENTRY, "entry"),
];

/// Pairs that contradict each other.
const ILLEGAL: [(Attributes, Attributes); 12] = [
    (Attributes::VIEW, Attributes::PAYABLE),
    (Attributes::VIEW, Attributes::CONSTRUCTOR),
    (Attributes::VIEW, Attributes::REENTRANT),
    (Attributes::VIEW, Attributes::SPONSORED),
    (Attributes::VIEW, Attributes::FALLBACK),
    (Attributes::VIEW, Attributes::RECEIVE),
    (Attributes::CONSTRUCTOR, Attributes::REENTRANT),
    (Attributes::CONSTRUCTOR, Attributes::SPONSORED),
    (Attributes::CONSTRUCTOR, Attributes::FALLBACK),
    (Attributes::CONSTRUCTOR, Attributes::RECEIVE),
    (Attributes::FALLBACK, Attributes::RECEIVE),
    (Attributes::RECEIVE, Attributes::REENTRANT),
];

/// Pairs that are legal and rarely meant.
const WARNED: [(Attributes, Attributes); 2] =
    [(Attributes::PAYABLE, Attributes::REENTRANT), (Attributes::SPONSORED, Attributes::REENTRANT)];

impl Attributes {
    /// Changes nothing: state-changing host functions trap.
    pub const VIEW: Attributes = Attributes(1);
    /// Takes value.
    pub const PAYABLE: Attributes = Attributes(2);
    /// May be entered while it runs.
    pub const REENTRANT: Attributes = Attributes(4);
    /// Gas comes from the contract's tank.
    pub const SPONSORED: Attributes = Attributes(8);
    /// Runs once, at deploy.
    pub const CONSTRUCTOR: Attributes = Attributes(16);
    /// Runs when no name matches.
    pub const FALLBACK: Attributes = Attributes(32);
    /// Runs for bare value transfers.
    pub const RECEIVE: Attributes = Attributes(64);
    /// May be called from outside.
    pub const ENTRY: Attributes = Attributes(128);

    /// Whether all of `bits` are set.
    pub const fn has(self, bits: Attributes) -> bool {
        self.0 & bits.0 == bits.0
    }

    /// Whether a call may reach the function after deploy (entry, fallback or receive, and not the constructor).
    pub const fn callable(self) -> bool {
        self.0 & (Attributes::ENTRY.0 | Attributes::FALLBACK.0 | Attributes::RECEIVE.0) != 0 && !self.has(Attributes::CONSTRUCTOR)
    }

    /// Bits that have no meaning.
    pub const fn unknown(self) -> u32 {
        self.0 & !0xff
    }

    /// The pairs among these bits that contradict each other, by name, and `receive` without `payable`.
    pub fn conflicts(self) -> impl Iterator<Item = String> {
        let receive = (self.has(Attributes::RECEIVE) && !self.has(Attributes::PAYABLE)).then(|| "receive without payable".to_string());
        ILLEGAL.into_iter().filter(move |&(a, b)| self.has(a | b)).map(|(a, b)| format!("{a} with {b}")).chain(receive)
    }

    /// The pairs among these bits that deserve a second look, by name.
    pub fn warnings(self) -> impl Iterator<Item = String> {
        WARNED.into_iter().filter(move |&(a, b)| self.has(a | b)).map(|(a, b)| format!("{a} with {b}"))
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(move |&(bit, _)| self.has(bit)).map(|(_, name)| name)
    }
}

impl BitOr for Attributes {
    type Output = Attributes;
    fn bitor(self, other: Attributes) -> Attributes {
        Attributes(self.0 | other.0)
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A list of names.
impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_published_ones() {
        let bits: Vec<(u32, &str)> = NAMES.iter().map(|&(a, n)| (a.0, n)).collect();
        let published = [
            (1, "view"),
            (2, "payable"),
            (4, "reentrant"),
            (8, "sponsored"),
            (16, "constructor"),
            (32, "fallback"),
            (64, "receive"),
            (128, "entry"),
        ];
        assert_eq!(bits, published);
    }

    #[test]
    fn the_legality_table_over_all_sets_of_attributes() {
        // The published list again, as a rule over sets instead of pairs.
        for bits in 0..=255u32 {
            let a = Attributes(bits);
            let [view, payable, reentrant, sponsored, constructor, fallback, receive, _] = std::array::from_fn(|i| bits >> i & 1 == 1);
            let view_alone = !(view && (payable || constructor || reentrant || sponsored || fallback || receive));
            let constructor_alone = !(constructor && (reentrant || sponsored || fallback || receive));
            let receive_fits = !receive || (payable && !fallback && !reentrant);
            assert_eq!(a.conflicts().next().is_none(), view_alone && constructor_alone && receive_fits, "{a}");
        }
    }

    #[test]
    fn unknown_bits_show() {
        assert_eq!(Attributes(0x1ff).unknown(), 0x100);
        assert_eq!(Attributes(0xff).unknown(), 0);
    }
}
