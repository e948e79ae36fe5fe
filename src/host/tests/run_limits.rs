//! Limits on memory, tables, fuel and the recording.

use super::{Guest, StartError, allow, wrappers};
use crate::host::{HostError, HostOptions, ImportName, LedgerLimit, Limits, MemoryLimit, WasiOptions};

const PAGE: u64 = 65536;

fn start(wat: &str, limit: u64) -> Result<Guest, StartError> {
    let limits = Limits { timeout: None, max_memory: limit, fuel: None };
    Guest::start_with(wat, &HostOptions { stub_all: true, ..HostOptions::default() }, &limits, [0; 32])
}

fn limit_of(result: Result<Guest, StartError>) -> MemoryLimit {
    match result.err().unwrap() {
        StartError::Host(HostError::Limit(limit)) => limit,
        StartError::Wasm(error) => *error.downcast_ref().unwrap_or_else(|| panic!("{error:?}")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn growth_over_the_limit_ends_the_run() {
    let wat = "(module (memory 1) (memory 1 3) (table 0 funcref)
        (func (export \"grow\") (param i32) (result i32) (memory.grow 0 (local.get 0)))
        (func (export \"grow_bounded\") (param i32) (result i32) (memory.grow 1 (local.get 0)))
        (func (export \"table\") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))";
    let mut guest = start(wat, 4 * PAGE).unwrap();
    assert_eq!(guest.call("grow_bounded", &[3.into()]).unwrap(), -1, "over its own maximum");
    assert_eq!(guest.call("grow", &[1.into()]).unwrap(), 1);
    let error = guest.call("grow", &[2.into()]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&MemoryLimit { wanted: 5 * PAGE, limit: 4 * PAGE }));
    assert_eq!(guest.call("table", &[4096.into()]).unwrap(), 0, "16 bytes an element: exactly the last page");
    let error = guest.call("table", &[1.into()]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&MemoryLimit { wanted: 4 * PAGE + 16, limit: 4 * PAGE }));
}

#[test]
fn minimum_sizes_count() {
    assert!(start("(module (memory 2))", 2 * PAGE).is_ok());
    assert_eq!(limit_of(start("(module (memory 3))", 2 * PAGE)).wanted, 3 * PAGE);
    assert_eq!(limit_of(start("(module (table 100 funcref))", 1599)).wanted, 1600);
    assert_eq!(limit_of(start("(module (import \"a\" \"b\" (memory 3)))", PAGE)).wanted, 3 * PAGE);
    assert_eq!(limit_of(start("(module (import \"a\" \"b\" (memory 3 3 shared)))", PAGE)).wanted, 3 * PAGE);
}

#[test]
fn fuel_runs_out() {
    let mut config = wasmtime::Config::new();
    config.consume_fuel(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let limits = Limits { timeout: None, max_memory: PAGE, fuel: Some(1000) };
    let options = HostOptions::default();
    let mut store = crate::host::new_store(&engine, &options, &limits, [0; 32]).unwrap();
    let wasm = wat::parse_str("(module (func (loop (br 0))) (start 0))").unwrap();
    let module = wasmtime::Module::new(&engine, wasm).unwrap();
    let error = wasmtime::Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&wasmtime::Trap::OutOfFuel));
    let error = crate::host::new_store(&super::engine(), &options, &limits, [0; 32]).err().unwrap();
    assert_eq!(error.to_string(), "the engine refused to count fuel");
}

#[test]
fn the_recording_is_bounded() {
    let wat = wrappers("(memory (export \"memory\") 2)");
    let limits = Limits { timeout: None, max_memory: 4 * PAGE, fuel: None };
    let mut guest = Guest::start_with(&wat, &allow(WasiOptions::default()), &limits, [0; 32]).unwrap();
    let error = (0..10).find_map(|_| guest.wasi_call("random_get", &[0, PAGE as i64]).err()).unwrap();
    assert_eq!(error.downcast_ref(), Some(&LedgerLimit { limit: 4 * PAGE }));
}

#[test]
fn a_stubbed_memory_that_is_too_large_is_a_limit_error() {
    let options = HostOptions { stubs: vec![ImportName::new("a", "b")], ..HostOptions::default() };
    let result = Guest::start("(module (import \"a\" \"b\" (memory 65536)))", &options);
    assert_eq!(limit_of(result).wanted, 1 << 32);
}

#[test]
fn a_heap_that_grows_over_the_limit_ends_the_run() {
    let wat =
        "(module (type $a (array (mut i64))) (type $list (struct (field (ref null $list)) (field (ref $a))))
        (global $all (mut (ref null $list)) (ref.null $list))
        (func (export \"fill\") (loop
            (global.set $all (struct.new $list (global.get $all) (array.new_default $a (i32.const 1000))))
            (br 0))))";
    let mut guest = start(wat, 16 << 20).unwrap();
    assert_eq!(guest.store.data().memory_limit(), None);
    guest.call("fill", &[]).unwrap_err();
    assert!(guest.store.data().memory_limit().is_some_and(|refused| refused.limit == 16 << 20));
}
