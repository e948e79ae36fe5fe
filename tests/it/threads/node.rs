//! The same programs in V8, each thread a Worker of Node.

use super::wasi;
use preinit::Preinit;
use preinit_testing::{repository, test_program};
use std::process::Command;

/// What a script of this folder prints about a module, with these arguments.
fn printed(script: &str, wasm: &[u8], arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("module.wasm");
    std::fs::write(&file, wasm).unwrap();
    let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
    let script = repository().join("tests/it/threads").join(script);
    let output = Command::new(node).args([&script, &file]).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_string();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The answers of `query`, with a memory of so many pages.
fn answers(wasm: &[u8], pages: [&str; 2], init: &[&str]) -> String {
    printed("host.mjs", wasm, &[&pages[..], init, &["--", "0", "1", "3000", "-7"]].concat())
}

fn survives(file: &str, pages: [&str; 2], init: &[&str]) {
    let wasm = test_program(file);
    let snapshot = Preinit::new().wasi(wasi()).run(&wasm).unwrap().wasm;
    let expected = answers(&wasm, pages, init);
    assert_eq!(expected.split(' ').count(), 4, "{expected}");
    assert!(!expected.contains("-"), "{expected}");
    assert_eq!(answers(&snapshot, pages, &[]), expected);
}

#[test(needs(Node))]
fn threads_of_c_in_workers() {
    survives("threads/threads.wasm", ["2", "64"], &["_initialize", "preinit"]);
}

#[test(needs(Node))]
fn threads_of_rust_in_workers() {
    survives("threads/rust-threads.wasm", ["3", "256"], &["_initialize", "wizer.initialize"]);
}

/// A module of Emscripten, whose JavaScript says which thread is the main one.
#[test(needs(Node))]
fn threads_of_emscripten_in_workers() {
    let wasm = test_program("threads/emscripten.wasm");
    let preinit = |internalize| {
        let preinit = Preinit::new().wasi(wasi()).stub_all(true).internalize(internalize);
        preinit.init_function("__wasm_call_ctors").init_function("preinit").run(&wasm)
    };
    let expected = printed("emscripten.mjs", &wasm, &["16", "16", "original"]);
    let (main, answer) = expected.split_once(' ').unwrap();
    assert!(answer.ends_with("77"), "{expected}");
    let snapshot = preinit(false).unwrap().wasm;
    assert_eq!(printed("emscripten.mjs", &snapshot, &["16", "16", main]), expected);
    let error = preinit(true).unwrap_err();
    assert!(error.to_string().contains("`env.__pthread_create_js`"), "{error}");
}
