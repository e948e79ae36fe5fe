//! Stubs, whose answers nobody can find in the state: only another answer shows what depends on one.

use super::{audited, options, quiet};
use preinit::Preinit;
use preinit::audit::audit;

/// What stubs have answered is said, in every run and in the audit: a zero is nothing that could be found in the state.
#[test]
fn stubs_that_have_answered_are_listed() {
    let wasm = wat::parse_str(
        r#"(module
            (import "env" "log" (func $log (param i32)))
            (import "env" "now" (func $now (result i64)))
            (import "env" "unused" (func $unused (result i32)))
            (memory 1)
            (func (export "init")
                (call $log (i32.const 1)) (call $log (i32.const 2)) (call $log (i32.const 3))
                (i64.store (i32.const 0) (call $now)))
            (func (export "use") (result i32) (call $unused)))"#,
    )
    .unwrap();
    let mut options = options("init", quiet());
    options.host.stub_all = true;
    let expected = [
        "`env.log` answered 3 calls, without a value",
        "`env.now` answered 1 call, with zeros that init may have kept",
    ];
    let report = Preinit::from(options.clone()).run(&wasm).unwrap().report;
    assert_eq!(report.stubs.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    assert!(
        serde_json::to_string(&report)
            .unwrap()
            .contains(r#""stubs":[{"import":"env.log","count":3,"has_value":false}"#)
    );
    let audit = audit(&wasm, &options).unwrap();
    let text = audit.text(false).split_whitespace().collect::<Vec<_>>().join(" ");
    for stub in [
        "`env.log` answered 3 calls, without a value",
        "`env.now` answered 1 call, with zeros on which the snapshot depends",
    ] {
        assert!(text.contains(stub), "{text}");
    }
    let audit = audited("c/primes.wasm", "preinit", quiet());
    assert!(audit.stubs.is_empty() && !audit.text(true).contains("stub "), "{}", audit.text(true));
}

/// A module with stubs, whose init is `body`.
fn module(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "env" "count" (func $count (result i32)))
            (import "env" "wide" (func $wide (result i64 f64)))
            (import "env" "vector" (func $vector (result v128)))
            (import "env" "object" (func $object (result externref)))
            (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
            (memory (export "memory") 1) (global $g (mut i32) (i32.const 5))
            (func (export "init") {body}))"#
    );
    wat::parse_str(text).unwrap()
}

/// The keys of findings about stubs, and what is said of each stub.
fn of_stubs(body: &str) -> (Vec<String>, Vec<Option<bool>>) {
    let mut options = options("init", quiet());
    options.host.stub_all = true;
    options.host.stubs.push(preinit::host::ImportName::new("wasi_snapshot_preview1", "args_sizes_get"));
    let audit = audit(&module(body), &options).unwrap();
    let about = |key: &str| key.ends_with(".stub");
    let keys = audit.findings.iter().map(|finding| finding.key.clone()).filter(|key| about(key)).collect();
    (keys, audit.stubs.iter().map(|stub| stub.kept).collect())
}

#[test]
fn another_answer_of_a_stub_shows_what_depends_on_it() {
    let taint = || vec!["taint.stub".to_string()];
    for (body, keys, kept) in [
        ("(i32.store (i32.const 64) (call $count))", taint(), vec![Some(true)]),
        ("(global.set $g (i32.add (call $count) (i32.const 7)))", taint(), vec![Some(true)]),
        ("(drop (call $count))", vec![], vec![Some(false)]),
        (
            "(local i64 f64) (call $wide) (local.set 1) (local.set 0) (f64.store (i32.const 64) (local.get 1))",
            taint(),
            vec![Some(true)],
        ),
        ("(v128.store (i32.const 64) (call $vector))", taint(), vec![Some(true)]),
        // Nothing is known of a null.
        ("(global.set $g (ref.is_null (call $object)))", vec![], vec![None]),
        // Only the path differs, and what it leads to.
        (
            "(if (call $count) (then (drop (memory.grow (i32.const 1)))))",
            vec!["taint.stub".to_string()],
            vec![Some(true)],
        ),
        ("(if (call $count) (then unreachable))", vec!["course.stub".to_string()], vec![Some(true)]),
        // Two stubs are told apart.
        (
            "(drop (call $count)) (v128.store (i32.const 64) (call $vector))",
            taint(),
            vec![Some(false), Some(true)],
        ),
        // A stub of WASI is one.
        ("(i32.store (i32.const 64) (call $sizes (i32.const 0) (i32.const 4)))", taint(), vec![Some(true)]),
        ("(drop (call $sizes (i32.const 0) (i32.const 4)))", vec![], vec![Some(false)]),
    ] {
        assert_eq!(of_stubs(body), (keys, kept), "{body}");
    }
}

/// What a stub answers is not what WASI has answered.
#[test]
fn stubs_of_wasi_are_listed_as_such() {
    let mut options = options("init", quiet());
    options.host.stub_all = true;
    options.host.stubs.push(preinit::host::ImportName::new("wasi_snapshot_preview1", "args_sizes_get"));
    let output = Preinit::from(options)
        .run(&module("(drop (call $sizes (i32.const 0) (i32.const 4))) (drop (call $sizes (i32.const 0) (i32.const 4)))"))
        .unwrap();
    let said: Vec<String> = output.report.stubs.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["`wasi_snapshot_preview1.args_sizes_get` answered 2 calls, with zeros that init may have kept"]
    );
    let mut lines = Vec::new();
    output.ledger.write_json_lines(&mut lines, preinit::host::LedgerHash::Plain).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.matches(r#""stub":true"#).count(), 2, "{lines}");
}
