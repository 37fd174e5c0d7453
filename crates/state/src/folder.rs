//! The folder of a durable store: whose it is, which format, and who has it open.
//!
//! ```text
//! lock            held by the one who has the store open
//! detent-store    "detent store 1\n": written last, so a folder without it was never a store
//! rows/           the tables
//! ```

use detent_protocol::{Code, Fault};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

const MARKER: &str = "detent-store";
const MARKER_NEW: &str = "detent-store.new";
const LOCK: &str = "lock";
const ROWS: &str = "rows";
const PROBE: &str = "probe";
const MAGIC: &str = "detent store ";
/// Format of the folder and of the rows in it.
const FORMAT: u32 = 1;
/// What the probe writes: more than a file system's last reserved block.
const PROBE_BYTES: usize = 1 << 20;

/// An open, locked folder. The lock ends with it.
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing is not enough: a child that is being started has a copy of the descriptor until it executes.
        let _ = self.lock.unlock();
    }
}

impl Folder {
    /// Opens and locks a store's folder; makes it first, with `make` for the rows, if it is absent or empty.
    pub(crate) fn open(path: &Path, make: impl Fn(&Path) -> Result<(), Fault>) -> Result<Folder, Fault> {
        Folder::locked(path, make).map_err(|fault| fault.at(path.display()))
    }

    fn locked(path: &Path, make: impl Fn(&Path) -> Result<(), Fault>) -> Result<Folder, Fault> {
        match std::fs::metadata(path) {
            Ok(found) if !found.is_dir() => return Err(foreign("it is not a folder")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => std::fs::create_dir_all(path).map_err(|e| io_fault(&e))?,
            Err(error) => return Err(io_fault(&error)),
        }
        let marked = path.join(MARKER).try_exists().map_err(|e| io_fault(&e))?;
        if !marked {
            // Never made, or its making was cut short; anything else in it belongs to somebody.
            for entry in std::fs::read_dir(path).map_err(|e| io_fault(&e))? {
                let name = entry.map_err(|e| io_fault(&e))?.file_name();
                let ours = [LOCK, MARKER_NEW, ROWS].iter().any(|n| name == *n) && path.join(LOCK).is_file();
                if !ours {
                    return Err(foreign("the folder holds other files"));
                }
            }
        }
        let lock = File::options().create(true).truncate(false).read(true).write(true).open(path.join(LOCK)).map_err(|e| io_fault(&e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Fault::new(Code::StoreLocked, "")),
            Err(TryLockError::Error(error)) => return Err(io_fault(&error)),
        }
        let folder = Folder { path: path.to_path_buf(), lock };
        // Looked at again under the lock: another may have made it meanwhile.
        match std::fs::read(path.join(MARKER)) {
            Ok(marker) => check(&marker)?,
            Err(error) if error.kind() == ErrorKind::NotFound => folder.make(make)?,
            Err(error) => return Err(io_fault(&error)),
        }
        Ok(folder)
    }

    fn make(&self, make: impl Fn(&Path) -> Result<(), Fault>) -> Result<(), Fault> {
        let made = || -> io::Result<()> {
            match std::fs::remove_dir_all(self.rows()) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        made().map_err(|e| io_fault(&e))?;
        make(&self.rows())?;
        let mark = || -> io::Result<()> {
            let new = self.path.join(MARKER_NEW);
            let mut file = File::create(&new)?;
            writeln!(file, "{MAGIC}{FORMAT}")?;
            file.sync_all()?;
            std::fs::rename(new, self.path.join(MARKER))?;
            sync_folder(&self.path)?;
            // The folder itself may be new, too.
            self.path.parent().map_or(Ok(()), sync_folder)
        };
        mark().map_err(|e| io_fault(&e))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn rows(&self) -> PathBuf {
        self.path.join(ROWS)
    }

    /// Whether the folder takes a write now: tells a full or read-only disk from other trouble.
    pub(crate) fn probe(&self) -> Result<(), Fault> {
        let path = self.path.join(PROBE);
        let wrote = File::create(&path).and_then(|mut file| file.write_all(&vec![0x5a; PROBE_BYTES]).and_then(|()| file.sync_all()));
        let _ = std::fs::remove_file(&path);
        wrote.map_err(|e| io_fault(&e))
    }
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(()) // other systems have no such call; their renames are journalled
}

fn check(marker: &[u8]) -> Result<(), Fault> {
    let text = str::from_utf8(marker).unwrap_or_default();
    match text.strip_prefix(MAGIC).and_then(|rest| rest.trim_end().parse::<u32>().ok()) {
        Some(FORMAT) => Ok(()),
        Some(other) => Err(Fault::new(Code::StoreVersion, format!("the store has format {other}, this version reads {FORMAT}"))),
        None => Err(foreign("its marker is not Detent's")),
    }
}

fn foreign(why: &str) -> Fault {
    Fault::new(Code::StoreForeign, why)
}

/// An error of the operating system as a fault of the catalogue.
pub(crate) fn io_fault(error: &io::Error) -> Fault {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Code::StoreFull,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Code::StoreReadOnly,
        _ => Code::StoreIo,
    };
    Fault::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<Folder, Fault> {
        Folder::open(path, |rows| std::fs::create_dir_all(rows).map_err(|e| io_fault(&e)))
    }

    #[test]
    fn errors_of_the_system_have_codes() {
        for (kind, code) in [
            (ErrorKind::StorageFull, Code::StoreFull),
            (ErrorKind::PermissionDenied, Code::StoreReadOnly),
            (ErrorKind::ReadOnlyFilesystem, Code::StoreReadOnly),
            (ErrorKind::Other, Code::StoreIo),
        ] {
            assert_eq!(io_fault(&io::Error::from(kind)).code, code);
        }
    }

    #[test]
    fn one_opener_at_a_time_even_in_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap();
        let fault = open(dir.path()).err().unwrap();
        assert_eq!(fault.code, Code::StoreLocked);
        assert!(fault.at.is_some_and(|at| at.contains(&dir.path().display().to_string())), "says which folder");
        let inherited = first.lock.try_clone().unwrap();
        drop(first);
        open(dir.path()).expect("what a child inherits does not keep the lock");
        drop(inherited);
    }

    #[test]
    fn what_is_not_ours_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other, marked) = (dir.path().join("file"), dir.path().join("other"), dir.path().join("marked"));
        std::fs::write(&file, "mine").unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("thesis.txt"), "mine").unwrap();
        std::fs::create_dir(&marked).unwrap();
        std::fs::write(marked.join(MARKER), "something else").unwrap();
        for path in [&file, &other, &marked] {
            assert_eq!(open(path).err().map(|f| f.code), Some(Code::StoreForeign), "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1, "nothing was added");
        assert_eq!(std::fs::read(file).unwrap(), b"mine");
    }

    #[test]
    fn another_format_is_named() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        std::fs::write(dir.path().join(MARKER), "detent store 7\n").unwrap();
        let fault = open(dir.path()).err().unwrap();
        assert_eq!(fault.code, Code::StoreVersion);
        assert!(fault.detail.contains('7'));
    }

    #[test]
    fn a_making_cut_short_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/store");
        let cut = Folder::open(&path, |rows| {
            std::fs::create_dir_all(rows.join("half")).unwrap();
            Err(Fault::new(Code::StoreIo, "cut"))
        });
        assert_eq!(cut.err().map(|f| f.code), Some(Code::StoreIo));
        let folder = open(&path).unwrap();
        assert!(!folder.rows().join("half").exists() && path.join(MARKER).exists());
    }
}
