//! Turns the error catalogue into an enum, so that a misspelt code does not compile.
use std::fmt::Write as _;

fn main() {
    let path = "../../python/detent/protocol/errors.toml";
    println!("cargo:rerun-if-changed={path}");
    println!("cargo:rerun-if-changed=build.rs");
    let text = std::fs::read_to_string(path).expect("the error catalogue is readable");
    let catalogue: toml::Table = text.parse().expect("the error catalogue is TOML");
    let errors = catalogue["error"].as_array().expect("[[error]] entries");
    let text = |e: &toml::Value, key: &str| -> String {
        e.get(key).and_then(|v| v.as_str()).unwrap_or_else(|| panic!("errors.toml: {key} missing in {e:?}")).to_string()
    };
    let camel = |name: &str| -> String { name.split('_').map(|w| w[..1].to_uppercase() + &w[1..]).collect() };
    let mut variants = String::new();
    let mut entries = String::new();
    for e in errors {
        let (code, name, meaning, cure) = (text(e, "code"), text(e, "name"), text(e, "meaning"), text(e, "cure"));
        writeln!(variants, "    /// {code}: {meaning}\n    {},", camel(&name)).expect("string");
        writeln!(entries, "    Entry {{ code: {code:?}, name: {name:?}, meaning: {meaning:?}, cure: {cure:?} }},").expect("string");
    }
    let out = format!(
        "/// One error of the catalogue (`python/detent/protocol/errors.toml`).\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr(u16)]\npub enum Code {{\n{variants}}}\n\n\
         /// Every entry, in the order of [`Code`].\npub static ENTRIES: &[Entry] = &[\n{entries}];\n\
         /// Every code, in the order of [`ENTRIES`].\npub static CODES: &[Code] = &[{}];\n",
        errors.iter().map(|e| format!("Code::{}", camel(&text(e, "name")))).collect::<Vec<_>>().join(", ")
    );
    let dir = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(format!("{dir}/codes.rs"), out).expect("OUT_DIR is writable");
}
