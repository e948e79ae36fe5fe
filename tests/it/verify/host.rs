//! What the host gives to both sides: imports, files, streams, arguments; and their calls of it.

use super::{assert_equal, files, keys, quick, verdict, wasm};
use preinit::Preinit;
use preinit::host::{Access, WasiOptions};
use preinit::stages::plan::Rename;
use preinit::verify::{Outcome, Pattern, Script, VerifyOptions, verify};
use preinit_testing::test_program as program;
use std::sync::Arc;

#[test]
fn imports_are_handed_over_afresh() {
    let original = wasm(
        r#"(module
            (import "env" "memory" (memory 1 4))
            (import "env" "table" (table 4 8 funcref))
            (import "env" "counter" (global $counter (mut i32)))
            (import "env" "scale" (func $scale (param i32) (result i32)))
            (elem declare func $scale $local)
            (func $local (param i32) (result i32) (i32.sub (local.get 0) (i32.const 7)))
            (func (export "preinit")
                (i32.store (i32.const 0) (i32.const 0))
                (i32.store (i32.const 1024) (call $scale (i32.const 123)))
                (drop (memory.grow (i32.const 1)))
                (i32.store (i32.const 70000) (i32.const 4242))
                (table.set (i32.const 0) (ref.null func))
                (table.set (i32.const 2) (ref.func $scale))
                (table.set (i32.const 3) (ref.func $local))
                (global.set $counter (i32.add (global.get $counter) (i32.const 23))))
            (func (export "query") (param i32) (result i32)
                (i32.add (global.get $counter) (call_indirect (param i32) (result i32)
                    (local.get 0) (i32.and (local.get 0) (i32.const 3))))))"#,
    );
    let provider = program("wat/provider.wat");
    let preloaded = || Preinit::new().preload("env", provider.clone());
    let mut options = quick();
    options.host.preloads = vec![preinit::host::Preload { name: "env".into(), wasm: provider.clone() }];
    assert_equal(preloaded(), &original, &options);
    options.internalize = true;
    assert_equal(preloaded().internalize(true), &original, &options);
}

#[test]
fn init_that_reads_files_and_streams_runs_again_from_its_ledger_or_without() {
    let original = program("c/wasi_files.wasm");
    let (directory, wasi) = files(Access::ReadOnly, b"typed in");
    let output = Preinit::new().wasi(wasi.clone()).run(&original).unwrap();
    let mut options = quick();
    options.scripts = vec![Script::parse("reread()\nquery(3)\nlisting(0)").unwrap()];
    options.host.wasi = Some(wasi);
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(verdict.coverage.engines[0].host_calls > 0, "{verdict}");

    std::fs::write(directory.path().join("hello.txt"), "changed since\n").unwrap();
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Different, "init would see another file now");
    options.ledger = Some(Arc::new(output.ledger));
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
}

#[test]
fn nothing_is_written_a_second_time() {
    let original = program("c/wasi_files.wasm");
    let (directory, wasi) = files(Access::ReadWrite, b"");
    let output = Preinit::new().wasi(wasi.clone()).run(&original).unwrap();
    let written = directory.path().join("written-by-guest");
    std::fs::remove_file(&written).unwrap();

    let mut options = quick();
    options.host.wasi = Some(wasi);
    let error = verify(&original, &output.wasm, &options).unwrap_err();
    assert!(error.to_string().contains("would change a file"), "{error}");
    assert!(!written.exists());
    options.ledger = Some(Arc::new(output.ledger));
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(!written.exists());
}

#[test]
fn commands_run_with_arguments_environment_and_input() {
    let original = program("c/command.wasm");
    let output = Preinit::new().allow_wasi(true).rename("_start", "preinit.resume").run(&original).unwrap();
    let mut options = quick();
    options.renames = vec![Rename { dst: "_start".into(), src: "preinit.resume".into() }];
    options.run = Some(WasiOptions {
        args: ["command", "27", "99999"].map(String::from).to_vec(),
        env: vec![("NAME".into(), "Ann".into())],
        ..WasiOptions::default()
    });
    options.scripts = vec![Script::parse("_start() => exit 3").unwrap()];
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(verdict.coverage.engines[0].host_calls > 3, "{verdict}");

    let renames_forgotten = VerifyOptions { renames: Vec::new(), ..options };
    let verdict = verify(&original, &output.wasm, &renames_forgotten).unwrap();
    assert_eq!(keys(&verdict), ["export._start", "export.preinit.resume"]);
}

#[test]
fn a_host_call_that_differs_is_named() {
    let original = r#"(module
        (import "env" "log" (func $log (param i32)))
        (global $level (mut i32) (i32.const 0))
        (func (export "preinit") (global.set $level (i32.const 2)))
        (func (export "go") (call $log (i32.const 1)) (call $log (global.get $level))))"#;
    let wrong = |calls: &str| {
        format!(
            r#"(module
        (import "env" "log" (func $log (param i32)))
        (global $level (mut i32) (i32.const 2))
        (func (global.set $level (i32.const 2)))
        (func (call $log (i32.const 1)) (call $log (global.get $level)))
        (func (export "go") {calls}))"#
        )
    };
    let mut options = quick();
    options.host.stub_all = true;
    let cases = [
        (
            "(call $log (i32.const 1)) (call $log (i32.const 3))",
            "step.0.host_call.1",
            "env.log(2)",
            "env.log(3)",
        ),
        ("(call $log (i32.const 1))", "step.0.host_call.1", "env.log(2)", "no call"),
        ("(call 2) (call $log (i32.const 1))", "step.0.host_call.2", "no call", "env.log(1)"),
    ];
    for (calls, key, left, right) in cases {
        let verdict = verdict(original, &wrong(calls), &options);
        assert_eq!(keys(&verdict), [key], "{verdict}");
        assert_eq!((&*verdict.differences[0].original, &*verdict.differences[0].snapshot), (left, right));
    }
}

#[test]
fn output_has_a_key_of_its_own() {
    let original = program("c/command.wasm");
    let output = Preinit::new().allow_wasi(true).keep_init_functions(true).run(&original).unwrap();
    // The same bytes with another letter in the greeting.
    let at = output
        .wasm
        .windows(5)
        .position(|bytes| bytes == b"Hello")
        .or_else(|| output.wasm.windows(5).position(|bytes| bytes == b"hello"));
    let mut wrong = output.wasm.clone();
    wrong[at.expect("the program greets") + 1] ^= 0x20;
    let mut options =
        VerifyOptions { ignore: vec![Pattern::new("memory.*"), Pattern::new("*.memory.*")], ..quick() };
    options.scripts = vec![Script::parse("_start()").unwrap()];
    let verdict = verify(&original, &wrong, &options).unwrap();
    assert!(keys(&verdict).contains(&"step.0.stdout"), "{verdict}");
}
