//! [`Disk`]: the durable store, over fjall (a log-structured tree: a commit is one sequential write and one sync).
//!
//! This file is the only one that knows fjall. It adds what a node needs and a library cannot know: whose folder this is,
//! one opener at a time, faults instead of panics, and no hanging when the disk ends.

use crate::folder::{Folder, io_fault};
use crate::store::{Batch, Bytes, Row, Store, Table, View};
use detent_protocol::{Code, Fault};
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes written to a table before it is sorted onto disk. More is faster and takes longer to read back after a crash.
const MEMTABLE: u64 = 16 << 20;
/// Bytes of log kept before tables are forced onto disk: bounds the time to open.
const LOG: u64 = 128 << 20;
/// Threads that sort and merge. With two or more, fjall 3.1 lets one spin while another merges.
const WORKERS: usize = 1;
/// A commit waits while a table has this many memtables on their way to disk.
const BACKLOG: usize = 3;

/// Tables in a folder. Survives power loss up to the last commit that returned.
pub struct Disk {
    // Dropped by hand: in a forked child the worker threads do not exist, and waiting for them would never end.
    database: ManuallyDrop<Database>,
    tables: ManuallyDrop<Vec<Keyspace>>,
    process: u32,
    // Last, so that the lock outlives the database.
    folder: Folder,
}

struct DiskView {
    snapshot: ManuallyDrop<Snapshot>,
    tables: ManuallyDrop<Vec<Keyspace>>,
    process: u32,
}

impl Disk {
    /// Opens the store in a folder, making it if the folder is absent or empty. `cache` is in bytes.
    ///
    /// Faults: `store_locked`, `store_foreign`, `store_version`, `store_corrupted`, `store_full`, `store_read_only`, `store_io`.
    pub fn open(path: &Path, cache: u64) -> Result<Disk, Fault> {
        let folder = Folder::open(path, |rows| database(rows, cache).map(drop))?;
        let (database, tables) = database(&folder.rows(), cache).map_err(|fault| fault.at(path.display()))?;
        Ok(Disk { database: ManuallyDrop::new(database), tables: ManuallyDrop::new(tables), process: std::process::id(), folder })
    }

    /// The store's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, batch: &Batch) -> Result<(), Fault> {
        self.wait_for_workers()?;
        let mut rows = self.database.batch().durability(Some(PersistMode::SyncAll));
        for write in batch.writes() {
            let table = table(&self.tables, write.table)?;
            match &write.value {
                Some(value) => rows.insert(table, &write.key[..], &value[..]),
                None => rows.remove(table, &write.key[..]),
            }
        }
        rows.commit().map_err(|error| fault(&error))
    }

    /// fjall waits for its workers without looking whether they still live; so wait here, where a dead worker ends the wait.
    fn wait_for_workers(&self) -> Result<(), Fault> {
        use fjall::AbstractTree;
        while self.tables.iter().any(|table| table.tree.sealed_memtable_count() >= BACKLOG) {
            self.database.persist(PersistMode::Buffer).map_err(|error| fault(&error))?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Store for Disk {
    fn view(&self) -> Result<Arc<dyn View>, Fault> {
        guarded(|| {
            let (snapshot, tables) = (ManuallyDrop::new(self.database.snapshot()), self.tables.clone());
            Ok(Arc::new(DiskView { snapshot, tables, process: self.process }) as Arc<dyn View>)
        })
    }

    fn commit(&self, batch: &Batch) -> Result<(), Fault> {
        guarded(|| self.write(batch)).map_err(|fault| match fault.code {
            // A worker met the trouble first and fjall only says "poisoned": ask the disk for the reason.
            Code::StoreFailed => self.folder.probe().err().unwrap_or(fault),
            _ => fault,
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if std::process::id() == self.process {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                // SAFETY: each is dropped once, here, and not used afterwards: this is `drop`.
                unsafe {
                    ManuallyDrop::drop(&mut self.tables);
                    ManuallyDrop::drop(&mut self.database);
                }
            }));
        }
    }
}

impl View for DiskView {
    fn get(&self, of: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        guarded(|| {
            let row = self.snapshot.get(table(&self.tables, of)?, key).map_err(|error| fault(&error))?;
            Ok(row.map(|bytes| Bytes::from(&bytes[..])))
        })
    }

    fn scan(&self, of: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, Fault> {
        guarded(|| self.snapshot.range(table(&self.tables, of)?, from..).take(limit).map(row).collect())
    }

    fn last(&self, of: Table) -> Result<Option<Row>, Fault> {
        guarded(|| self.snapshot.last_key_value(table(&self.tables, of)?).map(row).transpose())
    }
}

impl Drop for DiskView {
    fn drop(&mut self) {
        if std::process::id() == self.process {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                // SAFETY: each is dropped once, here, and not used afterwards: this is `drop`.
                unsafe {
                    ManuallyDrop::drop(&mut self.snapshot);
                    ManuallyDrop::drop(&mut self.tables);
                }
            }));
        }
    }
}

/// Opens or makes the database and all its tables.
fn database(rows: &Path, cache: u64) -> Result<(Database, Vec<Keyspace>), Fault> {
    guarded(|| {
        let database = Database::builder(rows)
            .cache_size(cache.max(1 << 20))
            .max_journaling_size(LOG)
            .worker_threads(WORKERS)
            .open()
            .map_err(|error| fault(&error))?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE).expect_point_read_hits(true);
        let tables = Table::ALL.iter().map(|table| database.keyspace(table.name(), options).map_err(|error| fault(&error)));
        let tables = tables.collect::<Result<Vec<_>, Fault>>()?;
        Ok((database, tables))
    })
}

fn table(tables: &[Keyspace], table: Table) -> Result<&Keyspace, Fault> {
    tables.get(table as usize).ok_or_else(|| Fault::new(Code::StoreCorrupted, "a table is missing"))
}

fn row(guard: Guard) -> Result<Row, Fault> {
    let (key, value) = guard.into_inner().map_err(|error| fault(&error))?;
    Ok((key.to_vec(), Bytes::from(&value[..])))
}

/// Hostile or damaged files can make a library panic: that is a fault like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Fault::new(Code::StoreCorrupted, format!("the store's library gave up: {}", text.unwrap_or("no reason given"))))
    })
}

fn fault(error: &fjall::Error) -> Fault {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => io_fault(error),
        fjall::Error::Locked => Fault::new(Code::StoreLocked, ""),
        fjall::Error::InvalidVersion(version) => Fault::new(Code::StoreVersion, format!("the tables have format {version:?}")),
        fjall::Error::Storage(fjall::LsmError::InvalidVersion(version)) => {
            Fault::new(Code::StoreVersion, format!("the tables have format {version}"))
        }
        fjall::Error::Poisoned => Fault::new(Code::StoreFailed, "an earlier write failed in the background"),
        other => Fault::new(Code::StoreCorrupted, format!("{other:?}")),
    }
}
