//! Native code on disk is used only when it is certainly ours; any doubt means to compile again.

mod common;

use common::*;
use detent_engine::{Artefact, Cache, Cpu, Cranelift, End, Engine, Key, Settings, Wasmi};
use detent_gas::{Deterministic, Form};
use detent_protocol::{Code, Fault};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts what it compiles and restores.
struct Counting {
    inner: Cranelift,
    compiled: AtomicU32,
    restored: AtomicU32,
}

impl Counting {
    fn new() -> Counting {
        Counting { inner: Cranelift::new(Settings::default()).unwrap(), compiled: AtomicU32::new(0), restored: AtomicU32::new(0) }
    }

    /// Compiled and restored since the last time.
    fn counts(&self) -> (u32, u32) {
        (self.compiled.swap(0, Ordering::Relaxed), self.restored.swap(0, Ordering::Relaxed))
    }
}

impl Engine for Counting {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn form(&self) -> Form {
        self.inner.form()
    }
    fn fingerprint(&self) -> [u8; 32] {
        self.inner.fingerprint()
    }
    fn compile(&self, module: Arc<Deterministic>) -> Result<Arc<dyn Artefact>, Fault> {
        self.compiled.fetch_add(1, Ordering::Relaxed);
        self.inner.compile(module)
    }
    fn restore(&self, module: Arc<Deterministic>, native: &[u8]) -> Result<Arc<dyn Artefact>, Fault> {
        self.restored.fetch_add(1, Ordering::Relaxed);
        self.inner.restore(module, native)
    }
}

fn module(value: u32) -> Arc<Deterministic> {
    form(Form::Side, &format!(r#"(module $CELLS (func (export "run") (result i32) (i32.const {value})))"#))
}

fn open(directory: &Path) -> Cache {
    Cache::with_directory(1 << 20, directory, 1 << 24).unwrap()
}

/// Runs module 7 through a new cache over `directory` and says whether it was compiled or restored.
fn use_it(engine: &Counting, directory: &Path) -> (u32, u32) {
    let cache = open(directory);
    let artefact = cache.get_or_compile(&Key::new(&[7; 32], engine), engine, || Ok(module(7))).unwrap();
    assert_eq!(run(&*artefact, "run", &[]).end, End::Returned(vec![7]));
    engine.counts()
}

fn native(directory: &Path) -> PathBuf {
    let mut all = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "native"));
    let found = all.next().unwrap();
    assert_eq!(all.next(), None);
    found
}

fn with_one(engine: &Counting) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("native");
    assert_eq!(use_it(engine, &directory), (1, 0));
    (root, directory)
}

#[test]
fn native_code_is_restored_in_a_later_process() {
    let engine = Counting::new();
    let (_root, directory) = with_one(&engine);
    assert_eq!(use_it(&engine, &directory), (0, 1));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!((mode(&directory.join("key")), mode(&native(&directory))), (0o600, 0o600));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "no part files stay");
}

#[test]
fn every_flipped_bit_and_every_truncation_means_to_compile_again() {
    let engine = Counting::new();
    let (_root, directory) = with_one(&engine);
    let file = native(&directory);
    let good = fs::read(&file).unwrap();
    let spots = [0, 15, 16, 47, 48, 79, 80, 111, 112, 113, good.len() / 2, good.len() - 1];
    for spot in spots {
        let mut bad = good.clone();
        bad[spot] ^= 1;
        fs::write(&file, bad).unwrap();
        assert_eq!(use_it(&engine, &directory), (1, 0), "byte {spot}");
        assert_eq!(use_it(&engine, &directory), (0, 1), "and it is written again");
    }
    for len in [0, 1, 16, 111, 112, 113, good.len() - 1] {
        fs::write(&file, &good[..len]).unwrap();
        assert_eq!(use_it(&engine, &directory), (1, 0), "{len} bytes");
    }
    fs::write(&file, [good.clone(), vec![0]].concat()).unwrap();
    assert_eq!(use_it(&engine, &directory), (1, 0), "a byte too many");
}

#[test]
fn code_of_another_machine_module_or_key_is_not_used() {
    let engine = Counting::new();
    let (_a, here) = with_one(&engine);
    let (_b, elsewhere) = with_one(&engine);
    fs::copy(native(&elsewhere), native(&here)).unwrap();
    assert_eq!(use_it(&engine, &here), (1, 0), "authenticated under another machine's key");

    // the same key, another rewritten module
    let cache = open(&here);
    let other = cache.get_or_compile(&Key::new(&[7; 32], &engine), &engine, || Ok(module(8))).unwrap();
    assert_eq!((run(&*other, "run", &[]).end, engine.counts()), (End::Returned(vec![8]), (1, 0)));

    // another code's file under this key's name
    let cache = open(&elsewhere);
    let good = fs::read(native(&elsewhere)).unwrap();
    let name = native(&elsewhere);
    fs::remove_file(&name).unwrap();
    cache.get_or_compile(&Key::new(&[9; 32], &engine), &engine, || Ok(module(7))).unwrap();
    let foreign = native(&elsewhere);
    fs::rename(&foreign, &name).unwrap();
    engine.counts();
    assert_eq!(use_it(&engine, &elsewhere), (1, 0), "a file that another key wrote");
    fs::write(&name, good).unwrap();
    assert_eq!(use_it(&engine, &elsewhere), (0, 1));
}

#[test]
fn files_that_others_can_reach_and_links_are_not_used() {
    let engine = Counting::new();
    let (root, directory) = with_one(&engine);
    for mode in [0o666, 0o620, 0o644, 0o604] {
        fs::set_permissions(native(&directory), Permissions::from_mode(mode)).unwrap();
        assert_eq!(use_it(&engine, &directory), (1, 0), "mode {mode:o}");
        assert_eq!(use_it(&engine, &directory), (0, 1));
    }
    let file = native(&directory);
    let away = root.path().join("away");
    fs::rename(&file, &away).unwrap();
    symlink(&away, &file).unwrap();
    assert_eq!(use_it(&engine, &directory), (1, 0), "a link");
    fs::set_permissions(directory.join("key"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(use_it(&engine, &directory), (1, 0), "a key that others could read is replaced");
    assert_eq!(use_it(&engine, &directory), (0, 1));
    fs::write(directory.join("key"), b"short").unwrap();
    assert_eq!(use_it(&engine, &directory), (1, 0));
}

#[test]
fn a_directory_that_is_not_this_users_alone_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let refused = |path: &Path| Cache::with_directory(1, path, 1).map(|_| ()).unwrap_err().code;
    for mode in [0o777, 0o750, 0o705, 0o701] {
        let directory = root.path().join(format!("{mode:o}"));
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        assert_eq!(refused(&directory), Code::CacheDirectory, "mode {mode:o}");
    }
    let real = root.path().join("real");
    open(&real);
    symlink(&real, root.path().join("link")).unwrap();
    assert_eq!(refused(&root.path().join("link")), Code::CacheDirectory);
    fs::write(root.path().join("file"), "").unwrap();
    assert_eq!(refused(&root.path().join("file")), Code::CacheDirectory);
    assert_eq!(refused(&root.path().join("no/parent")), Code::CacheDirectory);
    assert_eq!(refused(Path::new("a\0b")), Code::CacheDirectory);
}

#[test]
fn the_disk_is_bounded() {
    let engine = Counting::new();
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("native");
    let bound = 200_000;
    let cache = Cache::with_directory(1 << 20, &directory, bound).unwrap();
    for i in 0..40u8 {
        cache.get_or_compile(&Key::new(&[i; 32], &engine), &engine, || Ok(module(i.into()))).unwrap();
    }
    let kept: u64 = fs::read_dir(&directory).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    assert!(kept <= bound && kept > 0, "{kept}");
}

#[test]
fn memory_is_bounded_and_the_least_recently_used_leaves() {
    let engine = Counting::new();
    let one = engine.compile(module(1)).unwrap().size();
    let cache = Cache::new(one * 3 + one / 2);
    let key = |i: u8| Key::new(&[i; 32], &engine);
    for i in 0..3 {
        cache.get_or_compile(&key(i), &engine, || Ok(module(i.into()))).unwrap();
    }
    cache.get(&key(0)).unwrap();
    cache.get_or_compile(&key(3), &engine, || Ok(module(3))).unwrap();
    assert!(cache.get(&key(1)).is_none());
    assert!([0, 2, 3].iter().all(|&i| cache.get(&key(i)).is_some()));
    // idle instances count
    let before = cache.size();
    run(&*cache.get(&key(3)).unwrap(), "run", &[]);
    assert!(cache.size() > before);
    // and what they grow to is noticed when asked
    let page = r#"(module (memory (export "memory") 64) $CELLS (func (export "run") (memory.fill (i32.const 0) (i32.const 1) (i32.const 200000))))"#;
    let wide = Cache::new(100_000);
    wide.get_or_compile(&key(7), &engine, || Ok(form(Form::Side, page))).unwrap();
    wide.get_or_compile(&key(0), &engine, || Ok(module(0))).unwrap();
    wide.trim();
    assert_eq!(wide.len(), 2);
    run(&*wide.get(&key(7)).unwrap(), "run", &[]);
    assert!(wide.size() > 200_000, "{}", wide.size());
    wide.trim();
    assert_eq!((wide.len(), wide.get(&key(7)).is_some()), (1, true));
    // one that is too large alone is kept while it is the newest
    let tiny = Cache::new(1);
    tiny.get_or_compile(&key(0), &engine, || Ok(module(0))).unwrap();
    tiny.get_or_compile(&key(1), &engine, || Ok(module(1))).unwrap();
    assert_eq!((tiny.len(), tiny.get(&key(1)).is_some()), (1, true));
}

#[test]
fn a_failing_module_is_not_kept() {
    let (engine, cache) = (Counting::new(), Cache::new(1 << 20));
    let key = Key::new(&[0; 32], &engine);
    let fault = Fault::new(Code::ModuleMalformed, "x");
    assert_eq!(cache.get_or_compile(&key, &engine, || Err(fault.clone())).map(|_| ()).unwrap_err(), fault);
    assert!(cache.is_empty());
}

#[test]
fn keys_tell_engines_settings_and_codes_apart() {
    let a = Cranelift::new(Settings::default()).unwrap();
    let b = Cranelift::new(Settings { cpu: Cpu::Baseline, ..Settings::default() }).unwrap();
    let again = Cranelift::new(Settings::default()).unwrap();
    let wasmi = Wasmi::new(Settings::default());
    assert_eq!(Key::new(&[1; 32], &a), Key::new(&[1; 32], &again));
    let all = [Key::new(&[1; 32], &a), Key::new(&[2; 32], &a), Key::new(&[1; 32], &wasmi)];
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    assert!(cfg!(not(target_arch = "x86_64")) || Key::new(&[1; 32], &b) != all[0]);
}

#[test]
fn an_interpreter_leaves_nothing_on_disk() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("native");
    let (cache, wasmi) = (open(&directory), Wasmi::new(Settings::default()));
    let text = r#"(module $CELLS (func (export "run")))"#;
    cache.get_or_compile(&Key::new(&[1; 32], &wasmi), &wasmi, || Ok(form(Form::Fine, text))).unwrap();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "the key only");
}
