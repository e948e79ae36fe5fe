//! Sequences of calls: generated, given, and reduced to what shows a difference.

use super::{assert_equal, keys, quick, verdict, wasm};
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Script, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};

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
    assert!(wrong_type.undecided[0].contains("`2.5` is not a value of type i32"), "{wrong_type}");
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

/// The engine passes no continuation between a module and its host.
#[test]
fn functions_of_continuations_are_not_called() {
    let original = wat_to_wasm(
        br#"(module (type $f (func)) (type $c (cont $f))
            (func (export "preinit"))
            (func (export "takes") (param (ref null $c)))
            (func (export "gives") (result (ref null cont)) (ref.null cont))
            (func (export "answer") (result i32) (i32.const 42)))"#,
    )
    .unwrap();
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let verdict = verify(&original, &snapshot, &VerifyOptions::default()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let skipped: Vec<&str> =
        verdict.coverage.exports_not_called.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, ["takes", "gives"], "{verdict}");
    for call in ["takes(null)", "gives()"] {
        let options =
            VerifyOptions { scripts: vec![Script::parse(call).unwrap()], ..VerifyOptions::default() };
        let verdict = verify(&original, &snapshot, &options).unwrap();
        assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
        assert!(verdict.to_string().contains("it takes or returns a continuation"), "{verdict}");
    }
}
