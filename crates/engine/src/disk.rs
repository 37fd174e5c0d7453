//! Native code on disk: only in a directory that is this user's alone, only what this machine wrote, and any doubt means to compile again.
//!
//! The directory must be a real directory (no link) of the effective user with mode 0700. It is opened once, and files are reached
//! through that handle, so that nobody can exchange it later. Each file carries a Blake3 MAC under a random key that lives in the same directory
//! (0600): this tells damaged, truncated and foreign files apart from our own; who can read the key can already act as the user.
//! A file is written under another name and renamed.

use detent_protocol::{Code, Fault};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: &[u8; 16] = b"detent native 1\n";
const HEADER: usize = 16 + 32 + 32 + 32;
/// No artefact of an admitted module comes near this.
const LARGEST: u64 = 256 << 20;

/// A directory of artefacts.
pub(crate) struct Disk {
    directory: OwnedFd,
    key: [u8; 32],
    /// Bytes of artefacts that may be kept.
    bound: u64,
    kept: AtomicU64,
    path: PathBuf,
}

fn refused(words: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CacheDirectory, words.to_string())
}

fn last() -> std::io::Error {
    std::io::Error::last_os_error()
}

fn stat(fd: &impl AsRawFd) -> Option<libc::stat> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: fills our own variable; read only when it did.
    unsafe { (libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) == 0).then(|| stat.assume_init()) }
}

fn own(stat: &libc::stat, kind: libc::mode_t, forbidden: libc::mode_t) -> bool {
    // SAFETY: no preconditions.
    let user = unsafe { libc::geteuid() };
    stat.st_mode & libc::S_IFMT == kind && stat.st_uid == user && stat.st_mode & forbidden == 0
}

impl Disk {
    /// Opens the directory, and makes it if it is missing.
    pub(crate) fn open(path: &Path, bound: u64) -> Result<Disk, Fault> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(refused)?;
        // SAFETY: a terminated name; the new descriptor is owned at once.
        let directory = unsafe {
            if libc::mkdir(name.as_ptr(), 0o700) != 0 && last().raw_os_error() != Some(libc::EEXIST) {
                return Err(refused(last()).at(path.display()));
            }
            let fd = libc::open(name.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC);
            if fd < 0 {
                return Err(refused(last()).at(path.display()));
            }
            OwnedFd::from_raw_fd(fd)
        };
        if !stat(&directory).is_some_and(|stat| own(&stat, libc::S_IFDIR, 0o077)) {
            return Err(refused("it must belong to this user alone, with mode 0700").at(path.display()));
        }
        let mut disk = Disk { directory, key: [0; 32], bound, kept: AtomicU64::new(0), path: path.to_owned() };
        disk.key = disk.machine_key().map_err(|e| refused(e).at(path.display()))?;
        disk.trim();
        Ok(disk)
    }

    fn at(&self, name: &CStr, flags: libc::c_int) -> std::io::Result<File> {
        let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: a terminated name under our directory; the new descriptor is owned at once.
        let file = unsafe {
            let fd = libc::openat(self.directory.as_raw_fd(), name.as_ptr(), flags, 0o600 as libc::c_uint);
            if fd < 0 {
                return Err(last());
            }
            File::from_raw_fd(fd)
        };
        if !stat(&file).is_some_and(|stat| own(&stat, libc::S_IFREG, 0o077)) {
            return Err(std::io::Error::other("a file of the cache is not this user's alone"));
        }
        Ok(file)
    }

    fn rename(&self, from: &CStr, to: &CStr) -> bool {
        let fd = self.directory.as_raw_fd();
        // SAFETY: terminated names under our directory.
        unsafe { libc::renameat(fd, from.as_ptr(), fd, to.as_ptr()) == 0 }
    }

    fn unlink(&self, name: &CStr) {
        // SAFETY: a terminated name under our directory.
        unsafe { libc::unlinkat(self.directory.as_raw_fd(), name.as_ptr(), 0) };
    }

    fn scratch(&self) -> Option<CString> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        CString::new(format!("{}-{}.part", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))).ok()
    }

    /// Reads the key, or makes one. Of two processes that make one at once, the first wins.
    fn machine_key(&self) -> std::io::Result<[u8; 32]> {
        let read = || -> std::io::Result<[u8; 32]> {
            let mut key = [0; 32];
            self.at(c"key", libc::O_RDONLY)?.read_exact(&mut key)?;
            Ok(key)
        };
        match read() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            // A key that cannot be trusted is replaced: every artefact under it is then compiled again.
            Err(_) => self.unlink(c"key"),
            ok => return ok,
        }
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let scratch = self.scratch().ok_or_else(|| std::io::Error::other("no name"))?;
        self.at(&scratch, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?.write_all(&key)?;
        let fd = self.directory.as_raw_fd();
        // SAFETY: terminated names under our directory. A link, unlike a rename, does not replace the winner's key.
        unsafe { libc::linkat(fd, scratch.as_ptr(), fd, c"key".as_ptr(), 0) };
        self.unlink(&scratch);
        read()
    }

    fn mac(&self, head: &[u8], native: &[u8]) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        mac.update(head).update(native);
        mac.finalize()
    }

    fn name(key: &[u8; 32]) -> Option<CString> {
        CString::new(format!("{}.native", blake3::Hash::from(*key).to_hex())).ok()
    }

    /// Native code for `key`, compiled from a module with hash `module`; `None` in any doubt.
    pub(crate) fn load(&self, key: &[u8; 32], module: &[u8; 32]) -> Option<Vec<u8>> {
        let name = Disk::name(key)?;
        let file = self.at(&name, libc::O_RDONLY).ok()?;
        let size = file.metadata().ok()?.len();
        let mut bytes = Vec::new();
        let whole = size <= LARGEST && file.take(LARGEST + 1).read_to_end(&mut bytes).is_ok() && bytes.len() as u64 <= LARGEST;
        let sound = whole.then(|| self.check(&bytes, key, module)).flatten();
        if sound.is_none() {
            self.unlink(&name);
            return None;
        }
        bytes.drain(..HEADER);
        Some(bytes)
    }

    fn check(&self, bytes: &[u8], key: &[u8; 32], module: &[u8; 32]) -> Option<()> {
        let (header, native) = bytes.split_at_checked(HEADER)?;
        let (head, mac) = header.split_at_checked(HEADER - 32)?;
        let mac = blake3::Hash::from_slice(mac).ok()?;
        // Comparing hashes takes the same time wherever they differ.
        (self.mac(head, native) == mac && head == Disk::head(key, module)).then_some(())
    }

    fn head(key: &[u8; 32], module: &[u8; 32]) -> [u8; HEADER - 32] {
        let mut head = [0; HEADER - 32];
        head[..16].copy_from_slice(MAGIC);
        head[16..48].copy_from_slice(key);
        head[48..].copy_from_slice(module);
        head
    }

    /// Keeps native code. Failing is no error: it is then compiled again.
    pub(crate) fn store(&self, key: &[u8; 32], module: &[u8; 32], native: &[u8]) -> bool {
        let (Some(name), Some(scratch)) = (Disk::name(key), self.scratch()) else { return false };
        let head = Disk::head(key, module);
        let write = || -> std::io::Result<()> {
            let mut file = self.at(&scratch, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?;
            file.write_all(&head)?;
            file.write_all(self.mac(&head, native).as_bytes())?;
            file.write_all(native)
        };
        let done = write().is_ok() && self.rename(&scratch, &name);
        if !done {
            self.unlink(&scratch);
            return false;
        }
        let size = (HEADER + native.len()) as u64;
        if self.kept.fetch_add(size, Ordering::Relaxed) + size > self.bound {
            self.trim();
        }
        true
    }

    /// Removes the oldest artefacts beyond the bound, and what an interrupted writer left.
    fn trim(&self) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let (Ok(meta), Ok(name)) = (entry.metadata(), CString::new(entry.file_name().as_bytes())) else { continue };
            let modified = meta.modified().unwrap_or(std::time::SystemTime::UNIX_EPOCH);
            let bytes = name.to_bytes();
            if bytes.ends_with(b".native") {
                files.push((modified, meta.len(), name));
            } else if bytes.ends_with(b".part") && modified.elapsed().is_ok_and(|age| age.as_secs() > 3600) {
                self.unlink(&name);
            }
        }
        files.sort();
        let mut kept: u64 = files.iter().map(|f| f.1).sum();
        for (_, size, name) in &files {
            // A quarter less than the bound, so that not every later store trims again.
            if kept <= self.bound - self.bound / 4 {
                break;
            }
            self.unlink(name);
            kept -= size;
        }
        self.kept.store(kept, Ordering::Relaxed);
    }
}
