//! Prints what a call costs beside wasmtime's tuned pooling allocator: `cargo run -p detent-engine --example calls`.

fn main() -> Result<(), detent_protocol::Fault> {
    println!("{:30} {:>10} {:>10} {:>7}", "a call that", "ours ns", "pool ns", "ratio");
    for row in detent_engine::probe::calls(5000)? {
        println!("{:30} {:10.0} {:10.0} {:7.3}", row.what, row.ours, row.pooling, row.ratio());
    }
    Ok(())
}
