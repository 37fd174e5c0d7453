//! The side table: refunds by code offset, for engines that say where an activation stands.

use borsh::{BorshDeserialize, BorshSerialize};

/// Refunds in fuel by code offset, ascending; offsets without a refund are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SideTable {
    // Two columns, so that a search touches offsets only.
    offsets: Vec<u32>,
    refunds: Vec<u64>,
}

impl SideTable {
    /// What an activation standing at `offset` (from the first byte of the rewritten module) gets back.
    pub fn refund(&self, offset: u32) -> u64 {
        self.offsets.binary_search(&offset).ok().and_then(|i| self.refunds.get(i)).copied().unwrap_or(0)
    }

    /// A table of the given (offset, refund) pairs. Of equal offsets one is kept.
    pub fn from_entries(entries: impl IntoIterator<Item = (u32, u64)>) -> SideTable {
        let mut entries: Vec<_> = entries.into_iter().filter(|e| e.1 != 0).collect();
        entries.sort_unstable();
        entries.dedup_by_key(|e| e.0);
        let (offsets, refunds) = entries.into_iter().unzip();
        SideTable { offsets, refunds }
    }

    /// The entries, ascending by offset.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.offsets.iter().copied().zip(self.refunds.iter().copied())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether no offset has a refund.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Bytes it holds.
    pub fn size(&self) -> usize {
        self.len() * (size_of::<u32>() + size_of::<u64>())
    }

    /// Whether the columns fit each other and offsets ascend: what decoding must check, since a search relies on it.
    pub(crate) fn is_sound(&self) -> bool {
        self.offsets.len() == self.refunds.len() && self.offsets.windows(2).all(|w| w[0] < w[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_offsets_refund_nothing() {
        let table = SideTable::from_entries([(40, 7), (12, u64::from(u32::MAX) + 1), (20, 0)]);
        assert_eq!(table.len(), 2);
        assert_eq!((table.refund(12), table.refund(40)), (u64::from(u32::MAX) + 1, 7));
        assert_eq!((table.refund(0), table.refund(20), table.refund(41), table.refund(u32::MAX)), (0, 0, 0, 0));
        assert!(table.is_sound());
    }
}
