//! [`Memory`]: a store that ends with the process, for tests and development chains.

use crate::store::{Batch, Bytes, Row, Store, Table, View};
use detent_protocol::Fault;
use rpds::RedBlackTreeMapSync;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

type Rows = RedBlackTreeMapSync<Vec<u8>, Bytes>;

/// Persistent maps (sharing what did not change), so that a view is a copy of their roots.
#[derive(Clone, Default)]
pub(crate) struct Tables([Rows; Table::ALL.len()]);

/// Tables in memory.
#[derive(Default)]
pub struct Memory {
    tables: RwLock<Arc<Tables>>,
}

impl Memory {
    /// Empty tables.
    pub fn new() -> Memory {
        Memory::default()
    }
}

impl Tables {
    fn rows(&self, table: Table) -> &Rows {
        // `Table::ALL` and the array have one length, and a table's number is its index there.
        let [state, nodes, head, blocks, receipts, transactions, meta, forms] = &self.0;
        match table {
            Table::State => state,
            Table::Nodes => nodes,
            Table::Head => head,
            Table::Blocks => blocks,
            Table::Receipts => receipts,
            Table::Transactions => transactions,
            Table::Meta => meta,
            Table::Forms => forms,
        }
    }
}

impl View for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.rows(table).get(key).cloned())
    }

    fn scan(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, Fault> {
        let range = self.rows(table).range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        Ok(range.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn last(&self, table: Table) -> Result<Option<Row>, Fault> {
        Ok(self.rows(table).last().map(|(key, value)| (key.clone(), value.clone())))
    }
}

impl Store for Memory {
    fn view(&self) -> Result<Arc<dyn View>, Fault> {
        Ok(self.tables.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn commit(&self, batch: &Batch) -> Result<(), Fault> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        // Copies eight roots when a view is alive, nothing otherwise.
        let tables = Arc::make_mut(&mut tables);
        for write in batch.writes() {
            let Some(rows) = tables.0.get_mut(write.table as usize) else { continue };
            match &write.value {
                Some(value) => {
                    rows.insert_mut(write.key.clone(), value.clone());
                }
                None => {
                    rows.remove_mut(&write.key);
                }
            }
        }
        Ok(())
    }
}
