//! Taking whole blocks back: the inverse of each commit since the oldest live snapshot.

use crate::store::{Batch, View};
use detent_protocol::{Code, Fault};
use std::collections::{BTreeMap, VecDeque};

/// A point that [`State::revert_to`](crate::State::revert_to) goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub u64);

/// Inverses of commits, kept only while a snapshot is live.
#[derive(Debug, Default)]
pub(crate) struct UndoLog {
    inverses: VecDeque<Batch>,
    /// Commits before the first inverse held.
    first: u64,
    /// Live snapshots: how many commits each had seen.
    snapshots: BTreeMap<SnapshotId, u64>,
    next: u64,
}

impl UndoLog {
    pub(crate) fn snapshot(&mut self) -> SnapshotId {
        let id = SnapshotId(self.next);
        self.next += 1;
        self.snapshots.insert(id, self.first + self.inverses.len() as u64);
        id
    }

    /// Whether commits must be recorded.
    pub(crate) fn live(&self) -> bool {
        !self.snapshots.is_empty()
    }

    pub(crate) fn record(&mut self, inverse: Batch) {
        self.inverses.push_back(inverse);
    }

    /// What takes the state back to the snapshot, `None` if nothing happened since. Forgets nothing yet.
    pub(crate) fn plan(&self, id: SnapshotId) -> Result<Option<Batch>, Fault> {
        let at = self.snapshots.get(&id).ok_or_else(|| unknown(id))?;
        let keep = (at - self.first) as usize;
        if keep == self.inverses.len() {
            return Ok(None);
        }
        // Newest first, so that the oldest inverse of a row, which is appended last, counts.
        let mut whole = Batch::new();
        self.inverses.range(keep..).rev().for_each(|inverse| whole.append(inverse.clone()));
        whole.normalise();
        Ok(Some(whole))
    }

    /// The revert happened: later commits and snapshots are gone, the snapshot itself stays.
    pub(crate) fn reverted(&mut self, id: SnapshotId) {
        if let Some(at) = self.snapshots.get(&id) {
            self.inverses.truncate((at - self.first) as usize);
        }
        self.snapshots.split_off(&SnapshotId(id.0.saturating_add(1)));
    }

    pub(crate) fn release(&mut self, id: SnapshotId) -> Result<(), Fault> {
        self.snapshots.remove(&id).ok_or_else(|| unknown(id))?;
        let oldest = self.snapshots.values().min().copied().unwrap_or(u64::MAX);
        while self.first < oldest && self.inverses.pop_front().is_some() {
            self.first += 1;
        }
        Ok(())
    }
}

fn unknown(id: SnapshotId) -> Fault {
    Fault::new(Code::SnapshotUnknown, format!("snapshot {} was released, or a revert to an earlier one removed it", id.0))
}

/// The batch that undoes a batch, from the view before it.
pub(crate) fn invert(batch: &Batch, before: &dyn View) -> Result<Batch, Fault> {
    let mut inverse = Batch::new();
    for write in batch.writes() {
        match before.get(write.table, &write.key)? {
            Some(old) => inverse.put(write.table, write.key.clone(), old),
            None => inverse.delete(write.table, write.key.clone()),
        }
    }
    Ok(inverse)
}
