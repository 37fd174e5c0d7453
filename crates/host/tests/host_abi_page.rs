//! docs/host-abi.md says what host.toml says. `DETENT_BLESS=1 cargo test -p detent-host --test host_abi_page` rewrites its tables.

use detent_protocol::{HostFunction, HostTable, ValueType};
use std::fmt::Write;
use std::path::Path;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/host-abi.md");

#[test]
fn the_pages_tables_are_those_of_the_protocol() {
    let page = std::fs::read_to_string(PAGE).expect("the page is part of the repository");
    let table = HostTable::current();
    let mut fresh = page.clone();
    for (name, content) in [("functions", functions(table)), ("later", later(table)), ("limits", limits()), ("codes", codes(table))] {
        fresh = replaced(&fresh, name, &content);
    }
    if std::env::var_os("DETENT_BLESS").is_some() {
        std::fs::write(Path::new(PAGE), fresh).expect("the page can be written");
    } else {
        assert!(fresh == page, "docs/host-abi.md is stale: DETENT_BLESS=1 cargo test -p detent-host --test host_abi_page");
    }
}

/// The page with what stands between the two markers of `name` replaced.
fn replaced(page: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page lacks the marker of {name}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the page lacks the end marker of {name}"));
    format!("{before}{begin}{content}{end}{after}")
}

/// Groups in the page's order.
const GROUPS: [&str; 12] =
    ["storage", "typed storage", "account", "context", "tx", "events", "hash", "crypto", "calls", "halt", "gas", "random"];

fn functions(table: &HostTable) -> String {
    let mut text = "| function | type | price (gas) | changes state | in views |\n|---|---|---|---|---|\n".to_owned();
    let available = |f: &(&String, &HostFunction)| f.1.available;
    let mut left: Vec<_> = table.functions.iter().filter(available).collect();
    for group in GROUPS {
        for (name, f) in left.extract_if(.., |(_, f)| f.group == group) {
            let view = if f.allowed.iter().any(|a| a == "view") { "yes" } else { "traps" };
            let changes = if f.changes { "yes" } else { "" };
            writeln!(text, "| {} | `{}` | {} | {changes} | {view} |", signature(name, f), wasm_type(f), price(f)).unwrap();
        }
    }
    assert!(left.is_empty(), "a group of functions is missing from the page: {left:?}");
    text
}

fn later(table: &HostTable) -> String {
    let names: Vec<String> = table.functions.iter().filter(|(_, f)| !f.available).map(|(name, f)| signature(name, f)).collect();
    format!("{}.\n", names.join(", "))
}

fn signature(name: &str, f: &HostFunction) -> String {
    format!("`{name}({})`", f.names.join(", "))
}

fn wasm_type(f: &HostFunction) -> String {
    let list = |types: &[ValueType]| types.iter().map(|t| if *t == ValueType::I32 { "i32" } else { "i64" }).collect::<Vec<_>>().join(" ");
    let alternative = f.results_alt.as_ref().map_or(String::new(), |alt| format!(" or ({})", list(alt)));
    format!("({}) -> ({}){alternative}", list(&f.params), list(&f.results))
}

fn price(f: &HostFunction) -> String {
    let unit = f.unit.as_deref().unwrap_or("byte");
    let part = |price: u64, unit: &str| if price == 0 { String::new() } else { format!(" + {price} per {unit}") };
    format!("{}{}{}{}", f.base, part(f.per_topic, "topic"), part(f.per_byte, unit), part(f.per_word, "started 8-byte word"))
}

/// The limits, by name.
fn limits() -> String {
    let file: toml::Table = toml::from_str(include_str!("../../../python/detent/protocol/host.toml")).expect("the table parses");
    let mut text = "| limit | value |\n|---|---|\n".to_owned();
    for (name, value) in file["limits"].as_table().expect("a table") {
        let value = value.as_integer().expect("a number");
        writeln!(text, "| `{name}` | {value} |").unwrap();
    }
    text
}

fn codes(table: &HostTable) -> String {
    let mut codes: Vec<_> = table.codes.iter().collect();
    codes.sort_by_key(|(_, code)| std::cmp::Reverse(**code));
    let mut text = "| code | name |\n|---|---|\n".to_owned();
    for (name, code) in codes {
        writeln!(text, "| {code} | `{name}` |").unwrap();
    }
    text
}
