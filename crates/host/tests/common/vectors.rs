//! The folder of third-party vectors, which is not part of the repository.

use serde_json::Value;
use std::path::PathBuf;

/// A vector file as JSON; `None` (with a line that says so) when the folder is absent, except in CI.
pub fn json(file: &str) -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors");
    let folder = std::env::var_os("DETENT_VECTORS").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("the vector file is JSON")),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{}: {error}; DETENT_VECTORS names the folder", path.display()),
        Err(_) => {
            eprintln!("skipped: no {file} (DETENT_VECTORS names the folder of vectors)");
            None
        }
    }
}

/// Bytes of a hexadecimal string.
pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "hexadecimal text has an even length");
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal")).collect()
}

/// Bytes of a JSON string.
pub fn bytes(value: &Value) -> Vec<u8> {
    hex(value.as_str().expect("a string"))
}

/// Elements written as 16 hexadecimal digits.
pub fn elements(value: &Value) -> [u64; 8] {
    let list = value.as_array().expect("a list");
    std::array::from_fn(|i| u64::from_str_radix(list[i].as_str().expect("a string"), 16).expect("hexadecimal"))
}
