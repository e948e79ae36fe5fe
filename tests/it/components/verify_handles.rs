//! The verifier where handles are alive after init: held ones that were allowed, those that nobody holds, and those of an adapter.

use super::adapter_handles::printing;
use preinit::error::{ComponentRunError, Error};
use preinit::host::{HostOptions, WasiOptions};
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Script, Verdict, VerifyError, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};

fn options(sequences: usize) -> VerifyOptions {
    VerifyOptions {
        host: HostOptions { wasi: Some(WasiOptions::default()), ..HostOptions::default() },
        engines: vec![Compiler::Cranelift],
        sequences,
        depth: 4,
        fuel: 1_000_000,
        allow_live_handles: true,
        ..VerifyOptions::default()
    }
}

fn allowed() -> Preinit {
    Preinit::new().allow_wasi(true).allow_live_handles(true)
}

fn verdict(original: &[u8], snapshot: &[u8], options: &VerifyOptions) -> Verdict {
    verify(original, snapshot, options).unwrap()
}

/// A component that keeps a handle in a variable, and has a function that uses it, one that takes another and keeps that too, and one
/// that does neither.
const KEEPING: &str = r#"(component
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core func $rep (canon resource.rep $r))
        (core module $m
          (import "" "new" (func $new (param i32) (result i32)))
          (import "" "rep" (func $rep (param i32) (result i32)))
          (memory 1)
          (func $mark (export "mark"))
          (func (export "init") (i32.store (i32.const 64) (call $new (i32.const 7))) (call $mark))
          (func (export "use") (result i32) (call $rep (i32.load (i32.const 64))))
          (func (export "take") (i32.store (i32.const 68) (call $new (i32.const 9))))
          (func (export "number") (result i32) (i32.load (i32.const 64))))
        (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "rep" (func $rep))))))
        (func (export "preinit") (canon lift (core func $i "init")))
        (func (export "use") (result u32) (canon lift (core func $i "use")))
        (func (export "take") (canon lift (core func $i "take")))
        (func (export "number") (result u32) (canon lift (core func $i "number"))))"#;

fn keeping() -> Vec<u8> {
    wat_to_wasm(KEEPING.as_bytes()).unwrap().into_owned()
}

fn calling(calls: &str) -> VerifyOptions {
    VerifyOptions { scripts: vec![Script::parse(calls).unwrap()], ..options(0) }
}

/// Calls that do not use what is held are the same; one that does is not.
#[test]
fn what_uses_a_handle_that_is_missing_is_different() {
    let original = keeping();
    let snapshot = allowed().run(&original).unwrap().wasm;
    let equal = verdict(&original, &snapshot, &calling("number()"));
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    let different = verdict(&original, &snapshot, &calling("use()"));
    assert_eq!(different.outcome, Outcome::Different, "{different}");
    // It is called without being asked for.
    let generated = verdict(&original, &snapshot, &options(8));
    assert_eq!(generated.outcome, Outcome::Different, "{generated}");
    // What was not allowed has no snapshot, so there is nothing to compare with.
    let told = VerifyOptions { allow_live_handles: false, ..options(0) };
    let error = verify(&original, &snapshot, &told).unwrap_err();
    assert!(matches!(error, VerifyError::Component(ComponentRunError::Handles(_))), "{error}");
}

/// In the original, the numbers that are given later are others, since one more is taken. That is no difference.
#[test]
fn numbers_of_later_handles_are_not_compared() {
    let held = keeping();
    // One that init has taken, and that nobody holds.
    let left = KEEPING
        .replace("(i32.store (i32.const 64) (call $new (i32.const 7)))", "(drop (call $new (i32.const 7)))");
    let left = wat_to_wasm(left.as_bytes()).unwrap().into_owned();
    for original in [held, left] {
        let snapshot = allowed().run(&original).unwrap().wasm;
        let equal = verdict(&original, &snapshot, &calling("take()\nnumber()"));
        assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
        let is_numbers = |what: &String| what.contains("handles, whose numbers differ");
        assert!(equal.coverage.not_compared.iter().any(is_numbers), "{equal}");
    }
}

/// A component whose init makes `count` resources, and drops them. `make` gives the number of another one, `keep` stores it, and
/// `same` gives what has nothing to do with it.
fn dropping(count: u32, drops: &str, items: &str) -> Vec<u8> {
    let make: String = (0..count)
        .map(|at| format!("(i32.store (i32.const {}) (call $new (i32.const 10)))", 8 + 4 * at))
        .collect();
    let text = format!(
        r#"(component
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core func $drop (canon resource.drop $r))
        (core func $rep (canon resource.rep $r))
        (core module $m
          (import "" "new" (func $new (param i32) (result i32)))
          (import "" "drop" (func $drop (param i32)))
          (import "" "rep" (func $rep (param i32) (result i32)))
          (memory 1)
          (global $last (mut i32) (i32.const 0))
          (func (export "init") {make} {drops} (memory.fill (i32.const 0) (i32.const 0) (i32.const 64)))
          (func (export "make") (result i32) (call $new (i32.const 5)))
          (func (export "keep") (global.set $last (call $new (i32.const 6))))
          (func (export "same") (result i32) (call $rep (call $new (i32.const 9)))) {items})
        (core instance $i (instantiate $m (with "" (instance
          (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))))
        (func (export "preinit") (canon lift (core func $i "init")))
        (func (export "make") (result u32) (canon lift (core func $i "make")))
        (func (export "keep") (canon lift (core func $i "keep")))
        (func (export "same") (result u32) (canon lift (core func $i "same"))))"#
    );
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

fn drop_at(place: u32) -> String {
    format!("(call $drop (i32.load (i32.const {place})))")
}

/// What is free after init is given again in another order than in an instance that begins anew.
#[test]
fn numbers_that_init_has_used_are_not_compared() {
    let original = dropping(3, &[8, 12, 16].map(drop_at).concat(), "");
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    for calls in ["make()", "keep()", "keep()\nmake()\nmake()", "same()\nsame()\nmake()"] {
        let equal = verdict(&original, &snapshot, &calling(calls));
        assert_eq!(equal.outcome, Outcome::Equal, "{calls}: {equal}");
        let is_numbers = |what: &String| what.contains("has made and dropped several");
        assert!(equal.coverage.not_compared.iter().any(is_numbers), "{calls}: {equal}");
    }
    let generated = verdict(&original, &snapshot, &options(8));
    assert_eq!(generated.outcome, Outcome::Equal, "{generated}");
    // The same where init leaves one that nobody holds.
    let left = dropping(1, "", "");
    let snapshot = allowed().run(&left).unwrap().wasm;
    let equal = verdict(&left, &snapshot, &calling("make()"));
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
}

/// Only what depends on numbers is left out, and only where they can differ.
#[test]
fn no_other_difference_hides_behind_numbers() {
    let several = [8, 12, 16].map(drop_at).concat();
    let original = dropping(3, &several, "");
    // The snapshot of another one.
    let stored = r#"(data (i32.const 100) "\07")"#;
    let with_data = dropping(3, &several, stored);
    let snapshot = Preinit::new().run(&with_data).unwrap().wasm;
    for calls in ["same()", "make()"] {
        let different = verdict(&original, &snapshot, &calling(calls));
        assert_eq!(different.outcome, Outcome::Different, "{calls}: {different}");
    }
    // One at a time has the number that an instance gives first.
    let one = dropping(1, &drop_at(8), "");
    let snapshot = Preinit::new().run(&one).unwrap().wasm;
    let equal = verdict(&one, &snapshot, &calling("make()\nkeep()"));
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    let is_numbers = |what: &String| what.contains("whose numbers differ") || what.contains("which differ");
    assert!(!equal.coverage.not_compared.iter().any(is_numbers), "{equal}");
}

/// An adapter that keeps its state has it on both sides, and what asks it for anything ends otherwise.
#[test]
fn an_adapter_that_keeps_its_state_is_compared() {
    let original = printing("");
    let snapshot = allowed().keep_adapter_state(true).run(&original).unwrap().wasm;
    let told = |sequences| VerifyOptions { keep_adapter_state: true, ..options(sequences) };
    let equal = verdict(&original, &snapshot, &told(0));
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    let different = verdict(&original, &snapshot, &told(2));
    assert_eq!(different.outcome, Outcome::Different, "{different}");
    // Neither is the other.
    let anew = Preinit::new().allow_wasi(true).run(&original).unwrap().wasm;
    assert_eq!(verdict(&original, &anew, &told(0)).outcome, Outcome::Different);
    assert_eq!(verdict(&original, &anew, &options(2)).outcome, Outcome::Equal);
    assert_eq!(verdict(&original, &snapshot, &options(0)).outcome, Outcome::Different);
}

/// The same in the middle of a call.
#[test]
fn what_was_frozen_with_live_handles_is_compared() {
    let original = keeping();
    let at = "export:mark";
    let frozen = allowed().init_function("preinit").at(at.parse().unwrap());
    let snapshot = frozen.run(&original).unwrap().wasm;
    let told = VerifyOptions {
        init_functions: vec!["preinit".to_string()],
        at: Some(at.parse().unwrap()),
        ..options(0)
    };
    let equal = verdict(&original, &snapshot, &told);
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    // What goes on uses it.
    let using =
        KEEPING.replace("(call $mark))", "(call $mark) (drop (call $rep (i32.load (i32.const 64)))))");
    let using = wat_to_wasm(using.as_bytes()).unwrap().into_owned();
    let snapshot = frozen.run(&using).unwrap().wasm;
    let different = verdict(&using, &snapshot, &told);
    assert_eq!(different.outcome, Outcome::Different, "{different}");
}

/// A snapshot that is not allowed is refused where it is made, too.
#[test]
fn what_is_not_allowed_is_not_made() {
    let error = Preinit::new().run(&keeping()).map(drop).unwrap_err();
    assert!(matches!(error, Error::Component(ComponentRunError::Handles(_))), "{error}");
}
