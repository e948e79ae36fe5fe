//! Embeds the snapshot that `build.rs` made, and asks it something that only its init could know.

use std::time::Instant;
use wasmtime::{Engine, Instance, Module, Result, Store};

static GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, GUEST)?;
    assert!(module.get_export("init").is_none(), "init has run already, and cannot run again");

    let started = Instant::now();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let primes_below = instance.get_typed_func::<u32, u32>(&mut store, "primes_below")?;
    let count = primes_below.call(&mut store, 100_000)?;
    println!("{count} primes below 100000, {:?} from start to answer", started.elapsed());
    assert_eq!(count, 9592);
    Ok(())
}
