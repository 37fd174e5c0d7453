//! The side table: what to settle by code offset, for engines that say where an activation stands.

use borsh::{BorshDeserialize, BorshSerialize};

/// What is still to be settled for an activation that stands at an operator when a frame ends, in fuel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Charged by the rules, and not yet taken from the gas cell. Only where an operator traps, never at a call.
    pub unpaid: u64,
    /// Costs of the block's operators that come after: given back.
    pub refund: u64,
}

/// Places by code offset, ascending; offsets with nothing to settle are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SideTable {
    // Columns, so that a search touches offsets only.
    offsets: Vec<u32>,
    unpaid: Vec<u64>,
    refunds: Vec<u64>,
}

impl SideTable {
    /// What is to be settled for an activation standing at `offset` (from the first byte of the rewritten module).
    pub fn place(&self, offset: u32) -> Place {
        let at = self.offsets.binary_search(&offset).ok();
        let place = at.and_then(|i| Some(Place { unpaid: *self.unpaid.get(i)?, refund: *self.refunds.get(i)? }));
        place.unwrap_or_default()
    }

    /// What it gets back.
    pub fn refund(&self, offset: u32) -> u64 {
        self.place(offset).refund
    }

    /// What must be taken from the gas cell before the cell is judged: where that makes it negative, the frame is out of gas.
    pub fn unpaid(&self, offset: u32) -> u64 {
        self.place(offset).unpaid
    }

    /// A table of the given (offset, refund) pairs. Of equal offsets one is kept.
    pub fn from_entries(entries: impl IntoIterator<Item = (u32, u64)>) -> SideTable {
        SideTable::from_places(entries.into_iter().map(|(offset, refund)| (offset, Place { unpaid: 0, refund })))
    }

    /// A table of places. Of equal offsets one is kept.
    pub fn from_places(places: impl IntoIterator<Item = (u32, Place)>) -> SideTable {
        let mut places: Vec<_> = places.into_iter().filter(|(_, place)| *place != Place::default()).collect();
        places.sort_unstable();
        places.dedup_by_key(|p| p.0);
        let mut table = SideTable::default();
        for (offset, Place { unpaid, refund }) in places {
            table.offsets.push(offset);
            table.unpaid.push(unpaid);
            table.refunds.push(refund);
        }
        table
    }

    /// Offsets and refunds, ascending by offset.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.places().map(|(offset, place)| (offset, place.refund))
    }

    /// Offsets and what is to be settled there, ascending by offset.
    pub fn places(&self) -> impl Iterator<Item = (u32, Place)> + '_ {
        let settled = self.unpaid.iter().zip(&self.refunds).map(|(&unpaid, &refund)| Place { unpaid, refund });
        self.offsets.iter().copied().zip(settled)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is nothing to settle anywhere.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Bytes it holds.
    pub fn size(&self) -> usize {
        self.len() * (size_of::<u32>() + 2 * size_of::<u64>())
    }

    /// Whether the columns fit each other and offsets ascend: what decoding must check, since a search relies on it.
    pub(crate) fn is_sound(&self) -> bool {
        let n = self.offsets.len();
        self.unpaid.len() == n && self.refunds.len() == n && self.offsets.windows(2).all(|w| w[0] < w[1])
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

    #[test]
    fn a_place_may_have_either_part() {
        let table = SideTable::from_places([
            (9, Place { unpaid: 5, refund: 0 }),
            (3, Place { unpaid: 0, refund: 0 }),
            (7, Place { unpaid: 1, refund: 2 }),
        ]);
        assert_eq!(table.places().collect::<Vec<_>>(), [(7, Place { unpaid: 1, refund: 2 }), (9, Place { unpaid: 5, refund: 0 })]);
        assert_eq!((table.unpaid(9), table.refund(9), table.unpaid(3)), (5, 0, 0));
    }
}
