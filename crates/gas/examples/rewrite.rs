//! Rewrites a module, to look at the form or to time it: `rewrite IN OUT [side|fine|unmetered]`.

use detent_gas::{Form, Options, rewrite};
use detent_protocol::Schedule;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, input, output, rest @ ..] = &args[..] else { return Err("usage: rewrite IN OUT [side|fine|unmetered]".into()) };
    let kind = rest.first().map_or("side", String::as_str);
    let form = if kind == "fine" { Form::Fine } else { Form::Side };
    let wasm = wat::parse_file(input)?;
    let begun = std::time::Instant::now();
    let out = rewrite(&wasm, Schedule::current(), &Options { form, metering: kind != "unmetered", reenters: Vec::new() })?;
    let took = begun.elapsed();
    println!("{} bytes to {}, {} refunds, {took:?}", wasm.len(), out.wasm.len(), out.side.len());
    std::fs::write(output, out.wasm)?;
    Ok(())
}
