//! Snapshots a module and measures how much faster it starts: `cargo run --example startup [MODULE [INIT]]`.
//!
//! A module must need nothing but WASI and answer `query(i32) -> i32`. By default it is a small C program of ours.

use preinit::Preinit;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Linker, Module, Store};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{self, WasiP1Ctx};

const RUNS: usize = 15;
const QUERIES: i32 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().map_or_else(demonstration, PathBuf::from);
    let init = arguments.next().unwrap_or_else(|| "preinit".to_string());
    let output = std::env::current_exe()?.with_file_name("snapshot.wasm");

    let wasm = std::fs::read(&input)?;
    let snapshot = Preinit::new().init_function(&init).allow_wasi(true).run(&wasm)?;
    std::fs::write(&output, &snapshot.wasm)?;
    println!("{:>9} bytes  {}", wasm.len(), input.display());
    println!("{:>9} bytes  {}", snapshot.wasm.len(), output.display());

    let engine = Engine::default();
    let linker = wasi(&engine)?;
    let (before, after) = (Module::new(&engine, &wasm)?, Module::new(&engine, &snapshot.wasm)?);
    let (mut times_before, mut times_after) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        times_before.push(first_answer(&linker, &before, &["_initialize", &init])?);
        times_after.push(first_answer(&linker, &after, &[])?);
    }
    let (slow, fast) = (median(times_before), median(times_after));
    println!("\nstart to first answer in wasmtime, code compiled beforehand (median of {RUNS}):");
    println!("{:>9.3} ms  with init at every start", slow * 1e3);
    println!("{:>9.3} ms  from the snapshot: {:.0} times faster", fast * 1e3, slow / fast);

    let mut original = start(&linker, &before, &["_initialize", &init])?;
    let mut copy = start(&linker, &after, &[])?;
    for argument in 0..QUERIES {
        assert_eq!(original.query(argument)?, copy.query(argument)?, "query({argument})");
    }
    println!("\nthe answers to {QUERIES} queries are the same");
    Ok(())
}

fn demonstration() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/test-programs/c/primes.wasm"))
}

struct Running {
    store: Store<WasiP1Ctx>,
    query: wasmtime::TypedFunc<i32, i32>,
}

impl Running {
    fn query(&mut self, argument: i32) -> wasmtime::Result<i32> {
        self.query.call(&mut self.store, argument)
    }
}

fn wasi(engine: &Engine) -> wasmtime::Result<Linker<WasiP1Ctx>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_sync(&mut linker, |ctx| ctx)?;
    Ok(linker)
}

/// Instantiates and calls those of `exports` that are there.
fn start(linker: &Linker<WasiP1Ctx>, module: &Module, exports: &[&str]) -> wasmtime::Result<Running> {
    let mut store = Store::new(linker.engine(), WasiCtxBuilder::new().build_p1());
    let instance = linker.instantiate(&mut store, module)?;
    for name in exports {
        if let Some(function) = instance.get_func(&mut store, name) {
            function.call(&mut store, &[], &mut [])?;
        }
    }
    let query = instance.get_typed_func(&mut store, "query")?;
    Ok(Running { store, query })
}

fn first_answer(linker: &Linker<WasiP1Ctx>, module: &Module, exports: &[&str]) -> wasmtime::Result<Duration> {
    let started = Instant::now();
    start(linker, module, exports)?.query(1)?;
    Ok(started.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
