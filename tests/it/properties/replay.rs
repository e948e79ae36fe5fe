//! A run that is answered from the ledger of another one makes the same module and touches nothing outside.

use preinit::host::{Clock, Output, Random, Stdin, WasiOptions};
use preinit::{Error, Preinit};
use std::sync::Arc;

/// Copies everything that the host tells into memory: stdin, randomness, the clock; and says so.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "env" "answer" (func $answer (result f64)))
    (memory (export "memory") 1)
    (global $errors (mut i32) (i32.const 0))
    (global $answered (mut f64) (f64.const 0))
    (func $check (param i32) (global.set $errors (i32.or (global.get $errors) (local.get 0))))
    (func (export "init")
      (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 64))
      (call $check (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
      (call $check (call $random (i32.const 2048) (i32.const 32)))
      (call $check (call $clock (i32.const 0) (i64.const 1) (i32.const 3072)))
      (global.set $answered (call $answer))
      (if (global.get $errors) (then (unreachable)))))"#;

fn run(stdin: &str, random: Random, clock: Clock) -> Preinit {
    let options = WasiOptions {
        stdin: Stdin::Bytes(stdin.into()),
        stdout: Output::Capture,
        random,
        clock,
        ..WasiOptions::default()
    };
    Preinit::new().init_function("init").wasi(options).stub("env", "answer")
}

#[test]
fn a_replayed_run_makes_the_same_module() {
    let wasm = wat::parse_str(GUEST).unwrap();
    let recorded = run("from outside", Random::Os, Clock::Real).run(&wasm).unwrap();
    assert_eq!(recorded.stdout, b"from outside");
    let calls: Vec<&str> = recorded.ledger.entries().map(|entry| entry.call.import.name.as_str()).collect();
    assert_eq!(calls, ["fd_read", "fd_write", "random_get", "clock_time_get", "answer"]);
    let random: usize = recorded.wasm.windows(4).filter(|window| *window == b"from").count();
    assert_eq!(random, 1, "what was read is in the snapshot");

    // Other input, randomness and time: none of it may show.
    let ledger = Arc::new(recorded.ledger.clone());
    let replayed =
        run("something else", Random::Os, Clock::Real).replay(Arc::clone(&ledger)).run(&wasm).unwrap();
    assert!(replayed.wasm == recorded.wasm, "the replayed run made another module");
    assert_eq!(replayed.ledger, recorded.ledger);
    assert_eq!(replayed.ledger.unreplayed(), Some(0));
    assert!(replayed.stdout.is_empty(), "output is not repeated");

    // It was no accident: without the ledger, it is another module.
    let other = run("from outside", Random::Os, Clock::Real).run(&wasm).unwrap();
    assert!(other.wasm != recorded.wasm, "randomness and time had no effect");
}

#[test]
fn deterministic_hosts_make_the_same_ledger_and_module() {
    let wasm = wat::parse_str(GUEST).unwrap();
    let run = || run("given", Random::default(), Clock::default()).run(&wasm).unwrap();
    let (left, right) = (run(), run());
    assert!(left.wasm == right.wasm);
    let written = |output: &preinit::Output| {
        let mut text = Vec::new();
        output.ledger.write_json_lines(&mut text, preinit::host::LedgerHash::Plain).unwrap();
        String::from_utf8(text).unwrap()
    };
    assert_eq!(written(&left), written(&right));
    assert_eq!(written(&left).lines().count(), 6, "a header and five calls");
}

#[test]
fn a_run_that_calls_otherwise_is_told_so() {
    let wasm = wat::parse_str(GUEST).unwrap();
    let recorded = run("abc", Random::Os, Clock::Real).run(&wasm).unwrap();
    let other = wat::parse_str(GUEST.replace("(i32.const 32)", "(i32.const 33)")).unwrap();
    let error =
        run("abc", Random::Os, Clock::Real).replay(Arc::new(recorded.ledger)).run(&other).unwrap_err();
    assert!(matches!(error, Error::Execute(_)) && error.is_refusal());
    insta::assert_snapshot!(error, @r"
    the `init` function was stopped: host call 2 of the replayed run differs: it called wasi_snapshot_preview1.random_get(2048, 33), but the recording has wasi_snapshot_preview1.random_get(2048, 32)
        0: init
    ");
}
