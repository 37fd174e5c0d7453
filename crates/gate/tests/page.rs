//! `docs/gate.md` says what the code does.

use detent_gate::{Limit, PER_RULE, Rule};
use detent_protocol::Schedule;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gate.md");
    std::fs::read_to_string(path).expect("docs/gate.md is there")
}

#[test]
fn the_table_of_limits_is_the_schedule_in_its_order() {
    let schedule = Schedule::current();
    let mut expected: Vec<(String, u64)> = Limit::ALL.iter().map(|l| (l.key().to_string(), l.cap(schedule))).collect();
    let rewritten = &schedule.gate.rewritten;
    expected.push(("rewritten.module_bytes".into(), rewritten.module_bytes.into()));
    expected.push(("rewritten.body_bytes".into(), rewritten.body_bytes.into()));
    let text = page();
    let rows = text.lines().skip_while(|l| !l.starts_with("| limit ")).skip(2).take_while(|l| l.starts_with('|'));
    let found: Vec<(String, u64)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_string(), cells[2].parse().unwrap_or_else(|_| panic!("{row}")))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_schedule_file_has_the_limits_in_that_order_too() {
    let text = include_str!("../../../python/detent/protocol/schedule.toml");
    let table: toml::Table = text.parse().expect("TOML");
    let gate = table["gate"].as_table().expect("[gate]");
    for &limit in Limit::ALL {
        assert_eq!(gate[limit.key()].as_integer(), Some(limit.cap(Schedule::current()) as i64), "{limit:?}");
    }
    let lines: Vec<&str> = text.split("[gate]").nth(1).expect("[gate]").lines().filter_map(|l| l.split(" = ").next()).collect();
    let order: Vec<&str> = lines.into_iter().filter(|k| Limit::ALL.iter().any(|l| l.key() == *k)).take(Limit::ALL.len()).collect();
    assert_eq!(order, Limit::ALL.iter().map(|l| l.key()).collect::<Vec<_>>());
}

#[test]
fn the_page_names_every_rule_in_its_order_and_every_refused_proposal() {
    let text = page();
    let order = text.split("## Order of precedence").nth(1).and_then(|t| t.split("## Limits").next()).expect("the section");
    let rules = [
        Rule::ModuleBytes,
        Rule::Feature,
        Rule::Malformed,
        Rule::MemoryPages,
        Rule::ImportModule,
        Rule::ImportKind,
        Rule::ImportName,
        Rule::ImportUnavailable,
        Rule::ImportType,
        Rule::ImportConflict,
        Rule::ExportReserved,
        Rule::ExportImport,
        Rule::MemoryExport,
        Rule::SegmentOffset,
        Rule::DataBounds,
        Rule::ElementBounds,
        Rule::AbiCount,
        Rule::AbiDecode,
        Rule::Entry,
        Rule::AbiConsistent,
        Rule::RewrittenModule,
        Rule::RewrittenBody,
        Rule::Rewrite,
    ];
    assert!(rules.is_sorted(), "the list above is in the order of precedence");
    let mut at = 0;
    for rule in rules {
        let quoted = format!("`{}`", rule.name());
        at += order[at..].find(&quoted).unwrap_or_else(|| panic!("{quoted} is missing or out of order"));
    }
    assert!(order.contains(&format!("At most {PER_RULE} reasons")));
    let admitted = text.split("Refused by name:").nth(1).and_then(|t| t.split("##").next()).expect("the list");
    let named: Vec<&str> = admitted.split([',', '.']).map(str::trim).filter(|n| !n.is_empty()).collect();
    assert_eq!(named, detent_gate::REFUSED.to_vec());
    assert!(text.contains(&format!("nest at most {} deep", detent_gate::abi::TYPE_DEPTH)));
}
