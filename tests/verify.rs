//! Verdicts on snapshots that are right, and on some that are wrong in a known place.

use preinit::engine::Compiler;
use preinit::host::{Directory, Output, Stdin, WasiOptions};
use preinit::plan::Rename;
use preinit::verify::{OtherEngine, Outcome, Pattern, Script, Verdict, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};
use std::sync::Arc;

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

fn program(path: &str) -> Vec<u8> {
    let path = format!("{}/test-programs/{path}", env!("CARGO_MANIFEST_DIR"));
    wat_to_wasm(&std::fs::read(path).unwrap()).unwrap().into_owned()
}

fn assert_equal(preinit: Preinit, original: &[u8], options: &VerifyOptions) -> Verdict {
    let output = preinit.run(original).unwrap();
    let verdict = verify(original, &output.wasm, options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    verdict
}

#[test]
fn a_snapshot_is_equal_and_the_coverage_says_why() {
    let verdict = assert_equal(Preinit::new(), &wasm(COUNTER), &quick());
    let coverage = &verdict.coverage;
    let engines: Vec<&str> = coverage.engines.iter().map(|engine| &*engine.name).collect();
    assert_eq!(engines, ["cranelift", "winch", "pulley", "wasmi"]);
    assert!(coverage.engines.iter().all(|engine| engine.calls > 6 && engine.returned > 0), "{verdict}");
    assert_eq!(coverage.state.memory_bytes, 65536);
    assert_eq!(coverage.state.globals, 2);
    assert_eq!(coverage.state.table_slots, 4);
    assert_eq!(coverage.state.segments, 2);
    assert_eq!(coverage.function_bodies, 3);
    assert_eq!(coverage.exports_called.len(), 2);
    assert_eq!(coverage.functions_entered, 2, "all but init");
    assert_eq!(verdict.differences_found, 0);
}

#[test]
fn the_test_programs_are_equal() {
    for path in ["c/primes.wasm", "wat/state.wat", "assemblyscript/guest.wasm"] {
        assert_equal(Preinit::new(), &program(path), &quick());
    }
    let original = program("rust/guest.wasm");
    assert_equal(Preinit::new().allow_wasi(true), &original, &quick());
    let original = program("cpp/constructors.wasm");
    assert_equal(Preinit::new().allow_wasi(true), &original, &quick());
}

#[test]
fn differences_in_the_state_have_exact_keys() {
    let original = wasm(COUNTER);
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let text = wasmprinter::print_bytes(&snapshot).unwrap();
    let cases = [
        ("f64.const 0x1p-1 (;=0.5;)", "f64.const -0x1p-1", vec!["global.1"]),
        (r#"\04\03\02\01"#, r#"\04\ff\02\00"#, vec!["memory.0.0xea61"]),
        ("(export \"step\" (func $step))", "", vec!["export.step"]),
        ("(memory (;0;) 1)", "(memory (;0;) 2)", vec!["memory.0.size"]),
        ("(table $t (;0;) 4 funcref)", "(table $t (;0;) 5 funcref)", vec!["table.0.size"]),
        ("(elem (;0;) (i32.const 2)", "(elem (;0;) (i32.const 1)", vec!["table.0.1", "table.0.2"]),
        ("(data $text (;0;) \"passive\")", "(data $text (;0;) \"\")", vec!["data.0.dropped"]),
        ("(data $text (;0;) \"passive\")", "(data $text (;0;) \"pazzive\")", vec!["data.0.bytes"]),
        (
            "(data (;1;) (i32.const 16) \"dropped\")",
            "(data (;1;) \"dropped\")",
            vec!["memory.0.0x10", "data.1.dropped"],
        ),
        ("i32.const 64\n    i32.load", "i32.const 60\n    i32.load", vec!["function.0.body"]),
    ];
    for (right, wrong, expected) in cases {
        assert!(text.contains(right), "{right}\n{text}");
        let verdict = verify(&original, &wasm(&text.replacen(right, wrong, 1)), &quick()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Different);
        assert!(keys(&verdict).starts_with(&expected), "{right}: {verdict}");
        assert_eq!(verdict.script, None);
    }
}

#[test]
fn what_is_ignored_does_not_count() {
    let original = wasm(COUNTER);
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let text = wasmprinter::print_bytes(&snapshot).unwrap();
    let wrong = wasm(&text.replacen("f64.const 0x1p-1 (;=0.5;)", "f64.const -0x1p-1", 1));
    let ignore = vec![Pattern::new("global.*")];
    let verdict = verify(&original, &wrong, &VerifyOptions { ignore, ..quick() }).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(verdict.differences_ignored >= 1);
    assert!(verdict.coverage.engines[0].calls > 1, "an ignored difference does not end the game");
}

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
    assert_equal(preloaded().internalize(true), &original, &options);
}

/// Directories and streams as for `c/wasi_files.wasm`.
fn files(writable: bool, stdin: &[u8]) -> (tempfile::TempDir, WasiOptions) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hello.txt"), "hello\n").unwrap();
    let host = directory.path().to_path_buf();
    let wasi = WasiOptions {
        dirs: vec![Directory { guest: "/data".into(), host, writable }],
        stdin: Stdin::Bytes(stdin.to_vec()),
        stdout: Output::Discard,
        stderr: Output::Discard,
        ..WasiOptions::default()
    };
    (directory, wasi)
}

#[test]
fn init_that_reads_files_and_streams_runs_again_from_its_ledger_or_without() {
    let original = program("c/wasi_files.wasm");
    let (directory, wasi) = files(false, b"typed in");
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
    let (directory, wasi) = files(true, b"");
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

/// A wrong snapshot in which the state is right and a call shows the difference: the wrong start function added a
/// function that an export was pointed at.
const ACCUMULATE: &str = r#"(module
    (memory 1)
    (global $sum (mut i32) (i32.const 0))
    (func (export "preinit"))
    (func (export "add") (param i32) (global.set $sum (i32.add (global.get $sum) (local.get 0))))
    (func (export "noise") (param i64 f32))
    (func $get (export "get") (result i32) (global.get $sum)))"#;

const ACCUMULATE_WRONG: &str = r#"(module
    (memory 1)
    (global $sum (mut i32) (i32.const 0))
    (func)
    (func (export "add") (param i32) (global.set $sum (i32.add (global.get $sum) (local.get 0))))
    (func (export "noise") (param i64 f32))
    (func $get (result i32) (global.get $sum))
    (func (export "get") (result i32)
        (if (result i32) (i32.gt_u (global.get $sum) (i32.const 3)) (then (i32.const 0)) (else (call $get)))))"#;

#[test]
fn a_failing_sequence_is_reduced() {
    let verdict = verdict(ACCUMULATE, ACCUMULATE_WRONG, &VerifyOptions { sequences: 64, ..quick() });
    assert_eq!(verdict.outcome, Outcome::Different);
    let script = verdict.script.as_deref().unwrap();
    assert_eq!(script.lines().count(), 2, "{script}");
    assert!(script.starts_with("add(") && script.ends_with("get()\n"), "{script}");
    assert_eq!(keys(&verdict), ["step.1.result"]);
    assert_eq!(verdict.differences[0].engines, ["cranelift", "winch", "pulley"]);

    let scripts = vec![Script::parse(script).unwrap()];
    let again = VerifyOptions { scripts, sequences: 0, ..quick() };
    let verdict = self::verdict(ACCUMULATE, ACCUMULATE_WRONG, &again);
    assert_eq!(keys(&verdict), ["step.1.result"], "the script shows it again");
}

#[test]
fn given_scripts_are_reduced_too() {
    let script = "get()\nnoise(1, nan)\nadd(5)\nnoise(2, 1)\nget() # wrong\nget()";
    let scripts = vec![Script::parse(script).unwrap()];
    let options = VerifyOptions { scripts, sequences: 0, ..quick() };
    let verdict = verdict(ACCUMULATE, ACCUMULATE_WRONG, &options);
    assert_eq!(verdict.script.as_deref(), Some("add(5)\nget()\n"));
}

#[test]
fn scripts_say_what_they_expect() {
    let options =
        |script| VerifyOptions { scripts: vec![Script::parse(script).unwrap()], sequences: 0, ..quick() };
    let good = verdict(ACCUMULATE, ACCUMULATE, &options("add(2) => ()\nget() => 2"));
    assert_eq!(good.outcome, Outcome::Equal, "{good}");
    let bad = verdict(ACCUMULATE, ACCUMULATE, &options("add(2)\nget() => 3"));
    assert_eq!(keys(&bad), ["step.0.expected"], "the call before it was not needed");
    let wrong_type = verdict(ACCUMULATE, ACCUMULATE, &options("add(2.5)"));
    assert_eq!(wrong_type.outcome, Outcome::CouldNotTell);
    assert_eq!(wrong_type.outcome.exit_code(), 2);
    assert!(wrong_type.undecided[0].contains("`2.5` is no i32"), "{wrong_type}");
    let no_export = verdict(ACCUMULATE, ACCUMULATE, &options("nothing()"));
    assert_eq!(no_export.outcome, Outcome::CouldNotTell);
}

#[test]
fn texts_go_through_the_guests_allocator() {
    let wat = r#"(module
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 0))
        (func (export "preinit") (global.set $next (i32.const 1024)))
        (func (export "malloc") (param i32) (result i32)
            (global.get $next)
            (global.set $next (i32.add (global.get $next) (local.get 0))))
        (func (export "first") (param $at i32) (result i32) (i32.load8_u (local.get $at)))
        (func (export "last") (param $at i32) (param $len i32) (result i32)
            (i32.load8_u (i32.sub (i32.add (local.get $at) (local.get $len)) (i32.const 1)))))"#;
    let original = wasm(wat);
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let script = "first(\"xyz\") => 120\nlast(\"xyz\") => 122\nlast(\"\\xff\\\"\") => 34";
    let scripts = vec![Script::parse(script).unwrap()];
    let verdict = verify(&original, &snapshot, &VerifyOptions { scripts, ..quick() }).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
}

#[test]
fn a_loop_without_end_is_cut_short() {
    let wat = r#"(module
        (memory 1)
        (func (export "preinit") (i32.store (i32.const 0) (i32.const 7)))
        (func (export "forever") (loop (br 0))))"#;
    let original = wasm(wat);
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let options = VerifyOptions { fuel: 10_000, ..quick() };
    let verdict = verify(&original, &snapshot, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(verdict.coverage.engines[0].cut_short > 0);
    let scripts = vec![Script::parse("forever()").unwrap()];
    let verdict = verify(&original, &snapshot, &VerifyOptions { scripts, ..options }).unwrap();
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
}

#[test]
fn one_engine_is_enough_and_the_others_are_named() {
    let wat = r#"(module
        (type $f (func))
        (global $r (mut (ref null $f)) (ref.null $f))
        (elem declare func $g)
        (func $g (type $f))
        (func (export "preinit") (global.set $r (ref.func $g)))
        (func (export "call") (return_call_ref $f (global.get $r))))"#;
    let verdict = assert_equal(Preinit::new(), &wasm(wat), &quick());
    assert!(verdict.coverage.engines_skipped.iter().any(|skipped| skipped.name == "winch"), "{verdict}");
    let snapshot = Preinit::new().run(&wasm(wat)).unwrap().wasm;
    let engines = vec![Compiler::Winch];
    let verdict = verify(&wasm(wat), &snapshot, &VerifyOptions { engines, ..quick() }).unwrap();
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "nothing was run: {verdict}");
    let engines = vec![Compiler::OptimizingCranelift];
    let verdict = assert_equal(Preinit::new(), &wasm(wat), &VerifyOptions { engines, ..quick() });
    assert_eq!(verdict.coverage.engines.len(), 1);
}

#[test]
fn the_verdict_is_data() {
    let verdict = verdict(ACCUMULATE, ACCUMULATE_WRONG, &VerifyOptions { sequences: 64, ..quick() });
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["outcome"], "different");
    assert_eq!(json["differences"][0]["key"], "step.1.result");
    assert!(json["coverage"]["engines"][0]["calls"].as_u64().unwrap() > 0);
}

#[test]
fn what_is_no_module_is_a_difference() {
    let verdict = verify(&wasm(ACCUMULATE), b"\0asm\x01\0\0\0\x01", &quick()).unwrap();
    assert_eq!(keys(&verdict), ["snapshot"]);
}

/// Its start function does something else where a NaN has another sign.
const SIGNED: &str = r#"(module
    (memory 1)
    (global $sign (mut i32) (i32.const 0))
    (func $init (export "preinit") (global.set $sign (i32.const 1)))
    (func (export "get") (result i32) (global.get $sign)))"#;

const SIGNED_WRONG: &str = r#"(module
    (memory 1)
    (global $sign (mut i32) (i32.const 1))
    (func (global.set $sign (i32.const 1)))
    (func (export "get") (result i32) (global.get $sign))
    (func $start (global.set $sign (select (i32.const 1) (i32.const 2)
        (i32.gt_s (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))) (i32.const 0)))))
    (start $start))"#;

/// Whether there is a Node. Without it nothing is claimed about V8.
fn has_node() -> bool {
    let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
    let found = std::process::Command::new(node).arg("--version").output().is_ok();
    if !found {
        println!("there is no node: V8 is not tested");
    }
    found
}

#[test]
fn a_snapshot_that_is_right_on_one_family_of_engines_is_found() {
    if !has_node() {
        return;
    }
    let other_engines = vec![OtherEngine::V8, OtherEngine::Wasmi];
    let options = VerifyOptions { other_engines, ..quick() };
    let verdict = verdict(SIGNED, SIGNED_WRONG, &options);
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
    assert_eq!(verdict.differences[0].engines, ["v8"], "{verdict}");
    assert_eq!(keys(&verdict), ["step.0.result"], "{verdict}");
    assert_eq!(verdict.script.as_deref(), Some("get()\n"), "reduced on that engine too");
    assert!(verdict.to_string().contains("(on v8 only)"), "{verdict}");

    let engines = vec![Compiler::Cranelift];
    let verdict = self::verdict(SIGNED, SIGNED_WRONG, &VerifyOptions { engines, ..quick() });
    assert_eq!(verdict.outcome, Outcome::Equal, "nobody else was asked: {verdict}");
}

#[test]
fn what_an_engine_does_with_the_original_too_is_no_difference() {
    if !has_node() {
        return;
    }
    let original = wasm(
        r#"(module
        (memory 1)
        (func (export "preinit") (i32.store (i32.const 0) (i32.const 1)))
        (func (export "sign") (result i32)
            (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0)))))"#,
    );
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let options = VerifyOptions { other_engines: vec![OtherEngine::V8], ..quick() };
    let verdict = verify(&original, &snapshot, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "it was asked for: {verdict}");
    let withdrawn = verdict.coverage.engines_skipped.iter().find(|skipped| skipped.name == "v8");
    let why = &withdrawn.unwrap_or_else(|| panic!("{verdict}")).why;
    assert!(why.contains("it runs the original in this way too: step.0.result is i32 -4194304"), "{why}");
}

#[test]
fn v8_plays_along() {
    if !has_node() {
        return;
    }
    let other_engines = vec![OtherEngine::V8];
    let mut options = VerifyOptions { other_engines, ..quick() };
    let verdict = assert_equal(Preinit::new(), &wasm(COUNTER), &options);
    let v8 = verdict.coverage.engines.iter().find(|engine| engine.name == "v8").unwrap();
    assert!(v8.calls > 6 && v8.returned > 0 && v8.cut_short == 0, "{verdict}");

    let original = program("c/wasi_files.wasm");
    let (_directory, wasi) = files(false, b"typed in");
    let output = Preinit::new().wasi(wasi.clone()).run(&original).unwrap();
    options.scripts = vec![Script::parse("reread()\nquery(3)\nlisting(0)").unwrap()];
    options.host.wasi = Some(wasi);
    options.ledger = Some(Arc::new(output.ledger));
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let v8 = verdict.coverage.engines.iter().find(|engine| engine.name == "v8").unwrap();
    assert!(v8.host_calls > 0 && v8.cut_short == 0, "{verdict}");
}

#[test]
fn a_call_that_waits_for_another_thread_does_not_wait() {
    let original = wasm(
        r#"(module
        (memory 1 1 shared)
        (func (export "preinit") (i32.store (i32.const 8) (i32.const 5)))
        (func (export "wait") (param i32) (result i32)
            (memory.atomic.wait32 (i32.const 8) (local.get 0) (i64.const -1))))"#,
    );
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let scripts = vec![Script::parse("wait(5) => 2\nwait(4) => 1").unwrap()];
    let engines = vec![Compiler::Cranelift];
    let verdict = verify(&original, &snapshot, &VerifyOptions { scripts, engines, ..quick() }).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
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
