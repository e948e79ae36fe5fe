//! Verdicts on snapshots that are right, and on some that are wrong in a known place.

mod added_code;
mod clocks;
mod exports;
mod foreign;
mod fresh;
mod host;
mod imported_state;
mod imports;
mod many_differences;
mod scripts;
mod state;
mod taken_back;
mod v8;

use preinit::host::{Access, Directory, Output, Stdin, WasiOptions};
use preinit::verify::{Outcome, Verdict, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};

const COUNTER: &str = r#"(module
    (memory (export "memory") 1)
    (global $ready (mut i32) (i32.const 0))
    (global $wide (mut f64) (f64.const 0))
    (table $t 4 funcref)
    (elem declare func $step)
    (data $text "passive")
    (data $gone "dropped")
    (func $step (export "step") (param i32) (result i32)
        (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (local.get 0)))
        (i32.load (i32.const 64)))
    (func (export "preinit")
        (global.set $ready (i32.const 1))
        (global.set $wide (f64.const 0.5))
        (i32.store (i32.const 60000) (i32.const 0x01020304))
        (table.set $t (i32.const 2) (ref.func $step))
        (memory.init $gone (i32.const 16) (i32.const 0) (i32.const 7))
        (data.drop $gone))
    (func (export "text") (result i32)
        (memory.init $text (i32.const 0) (i32.const 0) (i32.const 7))
        (i32.load (i32.const 0))))"#;

fn quick() -> VerifyOptions {
    VerifyOptions { sequences: 6, depth: 6, ..VerifyOptions::default() }
}

fn wasm(wat: &str) -> Vec<u8> {
    wat_to_wasm(wat.as_bytes()).unwrap().into_owned()
}

fn verdict(original: &str, snapshot: &str, options: &VerifyOptions) -> Verdict {
    verify(&wasm(original), &wasm(snapshot), options).unwrap()
}

fn keys(verdict: &Verdict) -> Vec<&str> {
    verdict.differences.iter().map(|difference| &*difference.key).collect()
}

fn assert_equal(preinit: Preinit, original: &[u8], options: &VerifyOptions) -> Verdict {
    let output = preinit.run(original).unwrap();
    let verdict = verify(original, &output.wasm, options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    verdict
}

/// Directories and streams as for `c/wasi_files.wasm`.
fn files(access: Access, stdin: &[u8]) -> (tempfile::TempDir, WasiOptions) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hello.txt"), "hello\n").unwrap();
    let host = directory.path().to_path_buf();
    let wasi = WasiOptions {
        dirs: vec![Directory { guest: "/data".into(), host, access }],
        stdin: Stdin::Bytes(stdin.to_vec()),
        stdout: Output::Discard,
        stderr: Output::Discard,
        ..WasiOptions::default()
    };
    (directory, wasi)
}
