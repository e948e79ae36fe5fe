//! Clocks of components that cannot go on.

use preinit::host::WasiOptions;
use preinit::{Output, Preinit, Warning, wat_to_wasm};

/// A component with an adapter that reads the clock, these core modules, and a function `init` of the last of them.
fn component(modules: &str, last: &str) -> String {
    format!(
        r#"(component
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $c (export "now" (func (result u64)))))
            (core func $now (canon lower (func $c "now")))
            (core module $mem (memory (export "memory") 1))
            (core instance $mem (instantiate $mem))
            (core module $adapter
              (import "env" "memory" (memory 1))
              (import "c" "now" (func $now (result i64)))
              (global $internal_state_ptr (mut i32) (i32.const 0))
              (global $allocation_state (mut i32) (i32.const 0))
              (func (export "clock_time_get") (param i32 i64 i32) (result i32)
                (i64.store (local.get 2) (call $now)) (i32.const 0)))
            (core instance $adapter (instantiate $adapter
              (with "env" (instance $mem)) (with "c" (instance (export "now" (func $now))))))
            {modules}
            (func (export "init") (canon lift (core func ${last} "init"))))"#
    )
}

/// A core module that reads the clock, then calls what it is given.
fn reader(name: &str, (export, next): (&str, &str)) -> String {
    format!(
        r#"(core module ${name}
              (import "env" "memory" (memory 1))
              (import "next" "init" (func $next))
              (import "wasi_snapshot_preview1" "clock_time_get" (func $read (param i32 i64 i32) (result i32)))
              {export}
              (func $mark (export "mark-{name}"))
              (func (export "init")
                (drop (call $read (i32.const 1) (i64.const 0) (i32.const 8)))
                (call $next) (call $mark)))
           (core instance ${name} (instantiate ${name} (with "env" (instance $mem)) (with "next" (instance ${next}))
              (with "wasi_snapshot_preview1" (instance $adapter))))"#
    )
}

const NOTHING: &str =
    r#"(core module $nothing (func (export "init"))) (core instance $nothing (instantiate $nothing))"#;
const SHOWN: &str = r#"(export "memory" (memory 0))"#;

fn made(wat: &str, preinit: Preinit) -> Result<Output, preinit::Error> {
    let preinit = preinit.wasi(WasiOptions::default()).init_function("init");
    preinit.run(&wat_to_wasm(wat.as_bytes()).unwrap())
}

#[track_caller]
fn refused(wat: &str, message: &str) {
    let error = made(wat, Preinit::new().rebase_clock(true)).map(drop).unwrap_err();
    assert!(error.is_refusal());
    assert_eq!(error.to_string(), message);
}

#[test]
fn of_one_module_it_goes_on() {
    let wat = component(&(NOTHING.to_string() + &reader("m", (SHOWN, "nothing"))), "m");
    let report = made(&wat, Preinit::new().rebase_clock(true)).unwrap().report;
    assert!(report.monotonic_clock.is_some());
}

/// Each would shift it by an offset of its own, and what they tell each other would be in two times.
#[test]
fn of_two_modules_it_does_not() {
    let modules = NOTHING.to_string() + &reader("a", (SHOWN, "nothing")) + &reader("b", (SHOWN, "a"));
    let wat = component(&modules, "b");
    refused(
        &wat,
        "the monotonic clock cannot be shifted: core module 3 (`a`) and core module 4 (`b`) both ask for it, and would shift it \
         each by something else",
    );
    let frozen = made(&wat, Preinit::new().at("export:mark-b".parse().unwrap())).unwrap().report;
    assert!(frozen.monotonic_clock.is_none());
    assert!(frozen.warnings.iter().any(|warning| matches!(warning, Warning::ClockNotRebased(_))));
}

#[test]
fn a_memory_without_a_name_is_said() {
    let wat = component(&(NOTHING.to_string() + &reader("m", ("", "nothing"))), "m");
    refused(
        &wat,
        "the monotonic clock of core module 3 (`m`) cannot be shifted: it exports no memory as `memory`",
    );
    let frozen = made(&wat, Preinit::new().at("export:mark-m".parse().unwrap())).unwrap().report;
    assert!(frozen.warnings.iter().any(|warning| matches!(warning, Warning::ClockNotRebased(_))));
}

/// Core imports can have any name.
#[test]
fn a_reading_by_another_name_is_refused() {
    let modules = r#"(core module $m
          (import "env" "now" (func $now (result i64)))
          (global $then (mut i64) (i64.const 0))
          (func (export "init") (global.set $then (call $now))))
        (core instance $m (instantiate $m (with "env" (instance (export "now" (func $now))))))"#;
    refused(
        &component(modules, "m"),
        "the monotonic clock of core module 2 (`m`) cannot be shifted: it does not ask for it by WASI preview 1",
    );
}
