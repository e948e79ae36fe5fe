//! Components whose adapter from preview 1 closes what every process begins with: an instance has it open again.

use super::running::Running;
use crate::freezing::start_descriptors::{STREAMS, refusal, warnings};
use preinit::audit::audit;
use preinit::finding::{Finding, Level};
use preinit::host::{Access, Directory, Output, WasiOptions};
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Error, Options, Preinit, wat_to_wasm};
use preinit_testing::command_component::reactor;
use preinit_testing::repository;

/// Init does `body`, and calls `mark` then; `print` prints a letter, and gives the error. `(call $open)` gives a file.
fn component(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "reset_adapter_state" (func $reset))
            (memory (export "memory") 1)
            (data (i32.const 0) "hello.txt")
            (data (i32.const 16) "\20\00\00\00\01\00\00\00")
            (data (i32.const 32) "x")
            (func $do (param i32) (if (local.get 0) (then unreachable)))
            (func $open (result i32)
                (call $do (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
                    (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 96)))
                (i32.load (i32.const 96)))
            (func $print (export "print") (result i32)
                (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 64)))
            (func $mark (export "mark"))
            (func (export "preinit") {body} (call $mark))
            (func (export "five") (result i32) (i32.const 5)))"#
    );
    let world = "package a:b; world w { export preinit: func(); export print: func() -> u32; export five: func() -> u32; }";
    reactor(&wat::parse_str(text).unwrap(), world)
}

fn close(number: usize) -> String {
    format!("(call $do (call $close (i32.const {number})))")
}

fn options(at: Option<&str>) -> Options {
    let host = repository().join("test-programs/data");
    let directory = Directory { guest: "/data".to_string(), host, access: Access::ReadOnly };
    let wasi = WasiOptions { dirs: vec![directory], stdout: Output::Capture, ..WasiOptions::default() };
    let mut options = Options { init_functions: vec!["preinit".to_string()], ..Options::default() };
    options.host.wasi = Some(wasi);
    options.at = at.map(|place| place.parse().unwrap());
    options
}

fn titles(findings: &[Finding]) -> Vec<String> {
    let changed = findings.iter().filter(|finding| finding.key == "handle.changed");
    changed
        .map(|finding| {
            assert_eq!(finding.level, Level::Warning);
            finding.title.clone()
        })
        .collect()
}

/// What a plain run warns of, which a strict one refuses, and an audit finds.
#[track_caller]
fn warned(wasm: &[u8]) -> Vec<String> {
    let report = Preinit::from(options(None)).run(wasm).unwrap().report;
    let warned = titles(&report.findings);
    let strict = Preinit::from(Options { strict: true, ..options(None) }).run(wasm);
    assert_eq!(warned.is_empty(), !matches!(strict, Err(Error::Strict { .. })), "{warned:?}");
    assert_eq!(titles(&audit(wasm, &options(None)).unwrap().findings), warned);
    warned
}

/// What `verify` says of a snapshot of `wasm`, when it plays these calls.
fn verdict(wasm: &[u8], calls: &str) -> Verdict {
    let snapshot = Preinit::from(options(None)).run(wasm).unwrap().wasm;
    let Options { init_functions, host, .. } = options(None);
    let options = VerifyOptions {
        init_functions,
        host,
        scripts: vec![Script::parse(calls).unwrap()],
        sequences: 0,
        engines: vec![Compiler::Cranelift],
        ..VerifyOptions::default()
    };
    verify(wasm, &snapshot, &options).unwrap()
}

#[track_caller]
fn changed(body: &str, expected: &[String]) {
    let wasm = component(body);
    assert_eq!(warned(&wasm), warnings(expected), "{body}");

    let error = Preinit::from(options(Some("export:mark"))).run(&wasm).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(error.to_string(), refusal(expected), "{body}");
}

#[test]
fn one_that_was_closed() {
    for (number, what) in STREAMS.iter().enumerate() {
        let expected = [format!("descriptor {number} ({what}) was closed")];
        changed(&close(number), &expected);
        // Also where it has a stream from the host by then.
        changed(&format!("(call $do (call $print)) {}", close(number)), &expected);
    }
}

#[test]
fn all_of_them() {
    let body: String = (0..4).map(close).collect();
    let closed = |(number, what): (usize, &&str)| format!("descriptor {number} ({what}) was closed");
    changed(&body, &STREAMS.iter().enumerate().map(closed).collect::<Vec<_>>());
}

/// Trying in vain, files of its own, and what is open again.
#[test]
fn nothing_of_that() {
    let all: String = (0..4).map(close).collect();
    for body in [
        String::new(),
        "(call $do (call $print))".to_string(),
        "(drop (call $close (i32.const 9))) (drop (call $close (i32.const -1)))".to_string(),
        "(call $do (call $close (call $open)))".to_string(),
        format!("{all} (call $reset)"),
        format!("{all} (call $reset) (call $do (call $print))"),
    ] {
        let wasm = component(&body);
        assert_eq!(warned(&wasm), [""; 0], "{body}");
        Preinit::from(options(Some("export:mark"))).run(&wasm).unwrap();
    }
}

/// Where the adapter is reset and closes again.
#[test]
fn what_is_closed_anew() {
    let wasm = component(&format!("{} (call $reset) {}", close(0), close(2)));
    let expected =
        "in init, descriptor 2 (standard error) was closed; an instance has it as it is at the start";
    assert_eq!(warned(&wasm), [expected]);
}

/// It is open in an instance, and the original would have it closed.
#[test]
fn an_instance_has_it() {
    let wasm = component(&close(1));
    let output = Preinit::from(options(None)).run(&wasm).unwrap();
    let mut snapshot = Running::start(&output.wasm, &[]);
    assert_eq!((snapshot.run("print"), snapshot.stdout()), ("[U32(0)]".to_string(), "x".to_string()));
    let mut original = Running::start(&wasm, &[]);
    original.run("preinit");
    assert_eq!((original.run("print"), original.stdout()), ("[U32(8)]".to_string(), String::new()));
}

#[test]
fn it_is_said_to_be_not_compared() {
    let wasm = component(&close(1));
    let says = |verdict: &Verdict| {
        let text = "calls that depend on this: in init, descriptor 1 (standard output) was closed; an instance has it as it is at the start";
        verdict.coverage.not_compared.iter().any(|what| what == text)
    };
    let equal = verdict(&wasm, "five()");
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    assert!(says(&equal), "{equal}");
    let other = verdict(&wasm, "print()");
    assert_eq!(other.outcome, Outcome::Different, "{other}");
    assert!(says(&other), "{other}");
    let open = verdict(&component("(call $do (call $print))"), "print()");
    assert_eq!(open.outcome, Outcome::Equal, "{open}");
    assert!(!says(&open), "{open}");
}

/// One whose state is kept has it closed, too.
#[test]
fn an_adapter_that_keeps_its_state() {
    let wasm = component(&format!("(call $do (call $print)) {}", close(1)));
    let kept = Options { keep_adapter_state: true, allow_live_handles: true, ..options(None) };
    let output = Preinit::from(kept).run(&wasm).unwrap();
    assert_eq!(titles(&output.report.findings), [""; 0]);
    assert_eq!(Running::start(&output.wasm, &[]).run("print"), "[U32(8)]");
}

/// What a component keeps of its streams by itself is state as any other.
#[test]
fn a_component_without_the_adapter() {
    let text = r#"(component
        (import "wasi:io/streams@0.2.3" (instance $streams (export "output-stream" (type (sub resource)))))
        (alias export $streams "output-stream" (type $output-stream))
        (import "wasi:cli/stdout@0.2.3" (instance $stdout
          (alias outer 1 $output-stream (type $o'))
          (export "output-stream" (type $o (eq $o')))
          (export "get-stdout" (func (result (own $o))))))
        (core func $get (canon lower (func $stdout "get-stdout")))
        (core func $drop (canon resource.drop $output-stream))
        (core module $m
          (import "" "get" (func $get (result i32)))
          (import "" "drop" (func $drop (param i32)))
          (global $closed (mut i32) (i32.const 0))
          (func $mark (export "mark"))
          (func (export "init") (call $drop (call $get)) (global.set $closed (i32.const 1)) (call $mark))
          (func (export "closed") (result i32) (global.get $closed)))
        (core instance $i (instantiate $m
          (with "" (instance (export "get" (func $get)) (export "drop" (func $drop))))))
        (func (export "preinit") (canon lift (core func $i "init")))
        (func (export "closed") (result u32) (canon lift (core func $i "closed"))))"#;
    let wasm = wat_to_wasm(text.as_bytes()).unwrap();
    assert_eq!(warned(&wasm), [""; 0]);
    let output = Preinit::from(options(None)).run(&wasm).unwrap();
    assert_eq!(Running::start(&output.wasm, &[]).run("closed"), "[U32(1)]");
    Preinit::from(options(Some("export:mark"))).run(&wasm).unwrap();
}

/// Several adapters, each with descriptors of its own; some cannot be closed, and there are numbers of what others than the host give.
#[test]
fn only_what_was_closed_counts() {
    let text = r#"(component
        (core module $adapter
          (global $internal_state_ptr (mut i32) (i32.const 8))
          (global $allocation_state (mut i32) (i32.const 4))
          (func (export "fd_close") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 8))))
            (i32.const 0)))
        (core instance $a (instantiate $adapter))
        (core instance $b (instantiate $adapter))
        (core module $m
          (import "a" "fd_close" (func $a (param i32) (result i32)))
          (import "b" "fd_close" (func $b (param i32) (result i32)))
          (func (export "init")
            (drop (call $a (i32.const 0))) (drop (call $a (i32.const 2))) (drop (call $a (i32.const 3)))
            (drop (call $b (i32.const 1))) (drop (call $b (i32.const 70000)))))
        (core instance $m (instantiate $m (with "a" (instance $a)) (with "b" (instance $b))))
        (func (export "preinit") (canon lift (core func $m "init"))))"#;
    let closed =
        |what| format!("in init, descriptor {what} was closed; an instance has it as it is at the start");
    let wasm = wat_to_wasm(text.as_bytes()).unwrap();
    let expected = ["1 (standard output)", "2 (standard error)"].map(closed);
    assert_eq!(warned(&wasm), expected);
    // There is no WASI that it would need for that.
    assert_eq!(titles(&Preinit::new().run(&wasm).unwrap().report.findings), expected);
}
