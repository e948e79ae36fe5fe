//! References to what the module does not know: functions, objects and exceptions of others, values of the host, continuations.

use super::{keys, quick, wasm};
use preinit::host::{HostOptions, Preload};
use preinit::verify::{Outcome, Pattern, Verdict, VerifyOptions, verify};
use preinit::{Options, Preinit};

/// Functions in a table, in globals, and such that are nowhere until somebody asks for them; objects, exceptions, and values of a host.
const PROVIDER: &str = r#"(module
    (type $own (struct (field i32))) (tag $own)
    (import "host" "x" (global $x externref)) (import "host" "y" (global $y externref))
    (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
    (func $hidden (result i32) (i32.const 3)) (func $later (result i32) (i32.const 4))
    (elem declare func $hidden $later)
    (table (export "t") 4 funcref) (elem (i32.const 0) func $a $b)
    (global (export "ga") funcref (ref.func $a)) (global (export "gb") funcref (ref.func $b))
    (global (export "gm") (mut funcref) (ref.func $a))
    (func (export "hidden") (result funcref) (ref.func $hidden))
    (func (export "later") (result funcref) (ref.func $later))
    (global (export "oa") anyref (struct.new $own (i32.const 1)))
    (global (export "ob") anyref (struct.new $own (i32.const 2)))
    (global $ea (export "ea") (mut exnref) (ref.null exn)) (global $eb (export "eb") (mut exnref) (ref.null exn))
    (func $exception (result exnref)
        (block $h (result exnref) (try_table (catch_all_ref $h) (throw $own)) (unreachable)))
    (func $start (global.set $ea (call $exception)) (global.set $eb (call $exception)))
    (start $start)
    (global (export "x1") externref (global.get $x)) (global (export "x2") externref (global.get $x))
    (global (export "y1") externref (global.get $y)) (global (export "y2") externref (global.get $y)))"#;

fn host() -> HostOptions {
    let preload = Preload { name: "p".into(), wasm: wasm(PROVIDER) };
    HostOptions { preloads: vec![preload], ..HostOptions::default() }
}

fn options() -> VerifyOptions {
    VerifyOptions { host: host(), ..quick() }
}

fn compared(original: &str, snapshot: &str) -> Verdict {
    verify(&wasm(original), &wasm(snapshot), &options()).unwrap()
}

/// What is declared, what init does, and the place that differs where it was not done.
const TOLD_APART: [(&str, &str, &str); 6] = [
    (
        r#"(import "p" "t" (table $t 4 funcref)) (elem declare func)"#,
        "(local funcref) (local.set 0 (table.get $t (i32.const 0)))
         (table.set $t (i32.const 0) (table.get $t (i32.const 1))) (table.set $t (i32.const 1) (local.get 0))",
        "table.0.0",
    ),
    (
        r#"(import "p" "t" (table $t 4 funcref)) (import "p" "hidden" (func $hidden (result funcref)))"#,
        "(table.set $t (i32.const 0) (call $hidden))",
        "table.0.0",
    ),
    (
        r#"(import "p" "gm" (global $gm (mut funcref))) (import "p" "gb" (global $gb funcref))"#,
        "(global.set $gm (global.get $gb))",
        "global.0",
    ),
    (
        r#"(import "p" "ga" (global $ga funcref)) (import "p" "gb" (global $gb funcref))
           (global $g (mut funcref) (global.get $ga))"#,
        "(global.set $g (global.get $gb))",
        "global.2",
    ),
    (
        r#"(import "p" "ga" (global $ga funcref)) (import "p" "gb" (global $gb funcref))
           (table $t 2 funcref (global.get $ga))"#,
        "(table.set $t (i32.const 1) (global.get $gb))",
        "table.0.1",
    ),
    (
        r#"(import "p" "ga" (global $ga funcref)) (import "p" "gb" (global $gb funcref))
           (type $s (struct (field (mut funcref)))) (global $o (ref $s) (struct.new $s (global.get $ga)))"#,
        "(struct.set $s 0 (global.get $o) (global.get $gb))",
        "object.0.reference.0",
    ),
];

#[test]
fn functions_of_preloaded_modules_are_told_apart() {
    for (declared, init, place) in TOLD_APART {
        let module = |export: &str| format!("(module {declared} (func {export} {init}))");
        let verdict = compared(&module(r#"(export "preinit")"#), &module(""));
        assert_eq!(verdict.outcome, Outcome::Different, "{init}: {verdict}");
        assert_eq!(keys(&verdict)[0], place, "{init}: {verdict}");
    }
}

/// What is declared, and what init does; nobody can tell whether it was done.
const NOT_TOLD_APART: [(&str, &str, &str); 7] = [
    (
        r#"(import "p" "oa" (global $a anyref)) (import "p" "ob" (global $b anyref))
           (global $g (mut anyref) (global.get $a))"#,
        "(global.set $g (global.get $b))",
        "global.2",
    ),
    (
        r#"(import "p" "oa" (global $a anyref)) (import "p" "ob" (global $b anyref))
           (table $t 1 anyref (global.get $a))"#,
        "(table.set $t (i32.const 0) (global.get $b))",
        "table.0.0",
    ),
    (
        r#"(import "p" "oa" (global $a anyref)) (import "p" "ob" (global $b anyref))
           (type $a (array (mut anyref))) (global $o (ref $a) (array.new $a (global.get $a) (i32.const 3)))"#,
        "(array.set $a (global.get $o) (i32.const 2) (global.get $b))",
        "object.0.reference.0",
    ),
    (
        r#"(import "p" "ea" (global $a (mut exnref))) (import "p" "eb" (global $b (mut exnref)))"#,
        "(global.set $a (global.get $b))",
        "global.0",
    ),
    (
        r#"(import "p" "x1" (global $x1 externref)) (import "p" "x2" (global $x2 externref))
           (import "p" "y1" (global $y1 externref)) (import "p" "y2" (global $y2 externref))
           (global $g (mut externref) (global.get $x1))"#,
        "(global.set $g (global.get $y2))",
        "global.4",
    ),
    (
        "(type $f (func)) (type $c (cont $f)) (func $f) (elem declare func $f)
         (global $g (mut (ref null $c)) (ref.null $c))",
        "(global.set $g (cont.new $c (ref.func $f)))",
        "global.0",
    ),
    (
        "(type $f (func)) (type $c (cont $f)) (func $f) (elem declare func $f) (table $t 3 (ref null $c))",
        "(table.set $t (i32.const 1) (cont.new $c (ref.func $f)))",
        "table.0.0",
    ),
];

#[test]
fn what_cannot_be_told_apart_is_not_equal() {
    for (declared, init, place) in NOT_TOLD_APART {
        let module = |export: &str| format!("(module {declared} (func {export} {init}))");
        // The engine has no stack switching beside objects, which the preloaded module has.
        let host = if declared.contains("import") { host() } else { HostOptions::default() };
        let options = VerifyOptions { host, ..quick() };
        let (original, snapshot) = (wasm(&module(r#"(export "preinit")"#)), wasm(&module("")));
        let verdict = verify(&original, &snapshot, &options).unwrap();
        // A preloaded module has lost or won an object where one was put into its global.
        let differs_elsewhere = keys(&verdict).iter().all(|key| key.starts_with("preload."));
        assert!(verdict.outcome != Outcome::Equal && differs_elsewhere, "{init}: {verdict}");
        let text = verdict.to_string();
        assert!(text.contains(&format!("hold the same in `{place}` cannot be told")), "{init}: {text}");
    }
}

/// The user may say that it does not matter.
#[test]
fn places_that_are_ignored_need_not_be_told_apart() {
    let is_own = |(declared, ..): &&(&str, &str, &str)| !declared.contains("import");
    let (declared, init, place) = NOT_TOLD_APART.iter().find(is_own).unwrap();
    let module = |export: &str| wasm(&format!("(module {declared} (func {export} {init}))"));
    let ignore = vec![Pattern::new(*place)];
    let options = VerifyOptions { ignore, ..options() };
    let verdict = verify(&module(r#"(export "preinit")"#), &module(""), &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
}

/// A difference that a call shows is one, also where the states cannot be told apart.
#[test]
fn calls_are_made_where_states_cannot_be_told_apart() {
    let module = |export: &str| {
        format!(
            r#"(module (type $f (func)) (type $c (cont $f)) (func $f) (elem declare func $f) (table $t 3 (ref null $c))
            (func {export} (table.set $t (i32.const 1) (cont.new $c (ref.func $f))))
            (func (export "is_null") (result i32) (ref.is_null (table.get $t (i32.const 1)))))"#
        )
    };
    let verdict = compared(&module(r#"(export "preinit")"#), &module(""));
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
    assert!(keys(&verdict)[0].ends_with(".result"), "{verdict}");
}

/// What nobody has touched is as it was handed over, and functions are followed through calls.
#[test]
fn honest_snapshots_with_references_to_others_are_equal() {
    let modules = [
        r#"(import "p" "t" (table $t 4 funcref))
           (func (export "swap") (local funcref) (local.set 0 (table.get $t (i32.const 0)))
             (table.set $t (i32.const 0) (table.get $t (i32.const 1))) (table.set $t (i32.const 1) (local.get 0)))
           (func (export "get") (param i32) (result funcref) (table.get $t (i32.and (local.get 0) (i32.const 3))))"#,
        r#"(import "p" "gm" (global $gm (mut funcref))) (import "p" "later" (func $later (result funcref)))
           (global $own (mut funcref) (ref.null func))
           (func (export "keep") (result funcref) (global.set $own (call $later)) (global.get $own))
           (func (export "set") (global.set $gm (global.get $own)))"#,
        r#"(import "p" "oa" (global anyref)) (import "p" "ea" (global (mut exnref)))
           (import "p" "x1" (global externref)) (import "p" "x2" (global externref))
           (func (export "f") (result i32) (i32.const 1))"#,
    ];
    for module in modules {
        let original = wasm(&format!(
            r#"(module {module} (global $n (mut i32) (i32.const 0))
            (func (export "preinit") (global.set $n (i32.const 5))))"#
        ));
        let made = Preinit::from(Options { host: host(), ..Options::default() }).run(&original).unwrap();
        let verdict = verify(&original, &made.wasm, &options()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "{module}: {verdict}");
    }
}

/// Those that calls make count by what they hold, also where the module cannot make them again.
#[test]
fn strings_are_compared() {
    let module = |init: &str| {
        format!(
            r#"(module
            (import "wasm:js-string" "concat" (func $concat (param externref externref) (result (ref extern))))
            (import "'" "a" (global $a (ref extern))) (import "'" "b" (global $b (ref extern)))
            (global $kept (mut externref) (ref.null extern)) (global $n (mut i32) (i32.const 0))
            {init}
            (func (export "keep") (result externref)
                (global.set $kept (call $concat (global.get $a) (global.get $b))) (global.get $kept)))"#
        )
    };
    let original = wasm(&module(r#"(func (export "preinit") (global.set $n (i32.const 5)))"#));
    let made = Preinit::new().run(&original).unwrap();
    let verdict = verify(&original, &made.wasm, &quick()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let starting = |left: &str, right: &str, declared: &str| {
        let call = format!("(global.set $kept (call $concat (global.get {left}) (global.get {right})))");
        wasm(&module(&format!("(func $init {declared} {call})")))
    };
    // Init runs in the original; the start function of the other one has made another string.
    let original = starting("$a", "$b", r#"(export "preinit")"#);
    let text = wasmprinter::print_bytes(starting("$b", "$a", "")).unwrap();
    let forged = wasm(&text.replacen("(func $init", "(start $init) (func $init", 1));
    let verdict = verify(&original, &forged, &quick()).unwrap();
    assert!(keys(&verdict).iter().any(|key| key.starts_with("object.")), "{verdict}");
}
