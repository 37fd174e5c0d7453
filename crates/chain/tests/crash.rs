//! A process that is killed while it seals blocks leaves the last whole block, and nothing of the next.

mod common;

use common::*;
use detent_chain::{Chain, Options, address};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "DETENT_CRASH_TEST_FOLDER";

/// Not a test of its own: what the killed process does. It says each height after the block is sealed.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut chain = Chain::open(Path::new(&folder), Some(genesis()), Options::default()).unwrap();
    let a = address::of_contract("robot-a");
    if chain.code(&a).unwrap().is_none() {
        deploy(&mut chain, "robot-a", &robot(&[]));
    }
    for round in 0..100_000u32 {
        for slot in 0..20 {
            let script = Script::new().store(slot, &round.to_le_bytes()).emit(slot, b"round").load(slot).end();
            call(&mut chain, &a, "pay", 1, &script);
        }
        println!("sealed {}", chain.seal().unwrap().block.header.height);
    }
}

#[test]
fn a_killed_process_leaves_the_last_sealed_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let mut last = 0;
    for kill in 0..4u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(FOLDER, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heights = lines.map_while(Result::ok).filter_map(|line| line.rsplit_once("sealed ")?.1.parse::<u64>().ok());
        for _ in 0..3 + 5 * kill {
            last = heights.next().unwrap_or(last);
        }
        // somewhere between two blocks, or in the middle of one
        std::thread::sleep(Duration::from_micros(700 * u64::from(kill)));
        child.kill().unwrap();
        child.wait().unwrap();
        last = heights.last().unwrap_or(last);
        let chain = Chain::open(&path, None, Options::default()).unwrap();
        assert!(chain.height() >= last, "height {} after {last} was said", chain.height());
        assert_eq!(chain.receipts(chain.height() + 1).unwrap(), []);
        assert_eq!(chain.block(chain.height()).unwrap().header, *chain.head());
        chain.reader().verify().unwrap();
        let replay = chain.replay(chain.height()..=chain.height(), "cranelift").unwrap();
        assert!(replay.equal(), "{:#}", replay.to_json());
    }
    assert!(last > 20, "the child worked");
}
