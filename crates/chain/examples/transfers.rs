//! Prints transfer rates: `cargo run -p detent-chain --example transfers -- <token.wasm> [transactions] [accounts] [engine]`.

use detent_chain::{Options, bench};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let token = std::fs::read(args.next().ok_or("name the token's wasm file")?)?;
    let mut number = |default: usize| args.next().map_or(Ok(default), |text| text.parse());
    let (transactions, accounts) = (number(200_000)?, number(100_000)?);
    let options = Options { engine: std::env::args().nth(4).unwrap_or_else(|| "cranelift".into()), ..Options::default() };
    let block = std::env::var("BLOCK").ok().and_then(|b| b.parse().ok()).unwrap_or(20_000);
    let report = bench::bench_transfers(&bench::TransferBench { token: &token, transactions, accounts, block }, options)?;
    println!("{:#}", report.to_json());
    Ok(())
}
