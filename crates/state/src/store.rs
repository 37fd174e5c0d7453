//! [`Store`]: named tables of rows, read in consistent views, written in atomic batches.

use detent_protocol::Fault;
use std::sync::Arc;

/// Bytes of a row, shared rather than copied.
pub type Bytes = Arc<[u8]>;

/// A row's key and bytes.
pub type Row = (Vec<u8>, Bytes);

/// A table. The number is part of the store's format: never reuse or renumber one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Live values by encoded key. Written by [`State`](crate::State) only.
    State = 0,
    /// Nodes of the commitment by path. Written by [`State`](crate::State) only.
    Nodes = 1,
    /// Height and commitment. Written by [`State`](crate::State) only.
    Head = 2,
    /// Blocks by height (big-endian, so that order is height).
    Blocks = 3,
    /// Receipts.
    Receipts = 4,
    /// Where a transaction is, by its hash.
    Transactions = 5,
    /// The chain's own facts: genesis, settings.
    Meta = 6,
    /// Deterministic forms by code hash: a cache that may be rebuilt.
    Forms = 7,
}

impl Table {
    /// All tables, by number.
    pub const ALL: [Table; 8] =
        [Table::State, Table::Nodes, Table::Head, Table::Blocks, Table::Receipts, Table::Transactions, Table::Meta, Table::Forms];

    /// The table's name in a store.
    pub const fn name(self) -> &'static str {
        match self {
            Table::State => "state",
            Table::Nodes => "nodes",
            Table::Head => "head",
            Table::Blocks => "blocks",
            Table::Receipts => "receipts",
            Table::Transactions => "transactions",
            Table::Meta => "meta",
            Table::Forms => "forms",
        }
    }

    /// Whether only [`State`](crate::State) may write it.
    pub const fn reserved(self) -> bool {
        matches!(self, Table::State | Table::Nodes | Table::Head)
    }
}

/// A row to put (`Some`) or to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which table.
    pub table: Table,
    /// The row's key.
    pub key: Vec<u8>,
    /// Its new bytes, `None` to delete it.
    pub value: Option<Bytes>,
}

/// Rows written together: all or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    writes: Vec<Write>,
}

impl Batch {
    /// Nothing to write.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Puts a row.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Bytes>) {
        self.writes.push(Write { table, key: key.into(), value: Some(value.into()) });
    }

    /// Deletes a row.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.writes.push(Write { table, key: key.into(), value: None });
    }

    /// The rows, in the order given unless [`normalise`](Batch::normalise) sorted them.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Nothing to write?
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds another batch's rows after these.
    pub fn append(&mut self, mut other: Batch) {
        self.writes.append(&mut other.writes);
    }

    /// Sorts by table and key and keeps the last write of each row: what a store is given.
    pub fn normalise(&mut self) {
        let sorted = self.writes.is_sorted_by(|a, b| (a.table, &a.key) < (b.table, &b.key));
        if !sorted {
            self.writes.reverse();
            self.writes.sort_by(|a, b| (a.table, &a.key).cmp(&(b.table, &b.key)));
            self.writes.dedup_by(|a, b| a.table == b.table && a.key == b.key);
        }
    }
}

/// A consistent view: later commits do not show in it.
pub trait View: Send + Sync {
    /// The row of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault>;

    /// Up to `limit` rows from a key on, in order of keys.
    fn scan(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, Fault>;

    /// The row with the greatest key.
    fn last(&self, table: Table) -> Result<Option<Row>, Fault>;
}

/// Tables that survive what their kind promises: a process's end in memory, power loss on disk.
pub trait Store: Send + Sync {
    /// What is committed now.
    fn view(&self) -> Result<Arc<dyn View>, Fault>;

    /// Writes a normalised batch, all of it or nothing. When it returns, a durable store has it on disk.
    /// After a fault the store takes no further batch until it is opened again.
    fn commit(&self, batch: &Batch) -> Result<(), Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_write_of_a_row_counts() {
        let mut batch = Batch::new();
        batch.put(Table::Meta, "b", *b"1");
        batch.put(Table::Blocks, "b", *b"2");
        batch.delete(Table::Meta, "b");
        batch.put(Table::Meta, "a", *b"3");
        batch.put(Table::Meta, "a", *b"4");
        batch.normalise();
        let rows: Vec<_> = batch.writes().iter().map(|w| (w.table, &w.key[..], w.value.as_deref())).collect();
        assert_eq!(rows[0], (Table::Blocks, &b"b"[..], Some(&b"2"[..])));
        assert_eq!(rows[1], (Table::Meta, &b"a"[..], Some(&b"4"[..])));
        assert_eq!(rows[2], (Table::Meta, &b"b"[..], None));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn names_and_numbers_of_tables_are_distinct() {
        for (i, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table as usize, i);
            assert!(Table::ALL.iter().filter(|t| t.name() == table.name()).count() == 1);
        }
    }
}
