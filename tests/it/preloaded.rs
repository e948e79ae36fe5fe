//! What is inside modules that provide imports, out of reach of the module.

use preinit::audit::audit;
use preinit::host::{HostOptions, Preload};
use preinit::verify::{Outcome, Pattern, Script, VerifyOptions, verify};
use preinit::{Error, Options, Preinit, Warning, wat_to_wasm};

fn wasm(wat: &str) -> Vec<u8> {
    wat_to_wasm(wat.as_bytes()).unwrap().into_owned()
}

fn host(preloads: &[(&str, &str)]) -> HostOptions {
    let preload = |(name, wat): &(&str, &str)| Preload { name: name.to_string(), wasm: wasm(wat) };
    HostOptions { preloads: preloads.iter().map(preload).collect(), ..HostOptions::default() }
}

fn preinit(preloads: &[(&str, &str)]) -> Preinit {
    Preinit::from(Options { host: host(preloads), ..Options::default() })
}

fn warnings(preloads: &[(&str, &str)], user: &str) -> Vec<String> {
    let report = preinit(preloads).run(&wasm(user)).unwrap().report;
    report.warnings.iter().map(ToString::to_string).collect()
}

fn lost(what: &str, module: &str) -> String {
    format!("init has changed {what} of the preloaded module `{module}`, which an instance does not have")
}

/// Has state of every kind, which `f` changes as `body` says.
fn provider(body: &str) -> String {
    format!(
        r#"(module (type $s (struct (field (mut i32)) (field (mut (ref null $s)))))
            (global $x (export "unused") (mut i32) (i32.const 0)) (global $wide (mut i64) (i64.const -1))
            (global $object (ref $s) (struct.new $s (i32.const 1) (ref.null $s)))
            (memory $m 1 4) (data (i32.const 8) "data") (table $t 2 9 funcref) (data $d "x") (elem $e func $f)
            (func $other)
            (func $f (export "f") {body})
            (func (export "get") (result i32) (i32.add (global.get $x) (i32.load (i32.const 8)))))"#
    )
}

const USER: &str = r#"(module (type $s (struct (field (mut i32)) (field (mut (ref null $s)))))
    (import "env" "f" (func $f)) (import "env" "get" (func $get (result i32)))
    (global $ran (mut i32) (i32.const 0))
    (func (export "preinit") (call $f) (global.set $ran (i32.const 1)))
    (func (export "again") (call $f))
    (func (export "get") (param i32) (result i32)
        (if (result i32) (i32.eq (i32.mul (local.get 0) (i32.const 0x9e3779b1)) (i32.const 12345))
            (then (call $get)) (else (i32.const 5)))))"#;

#[test]
fn what_init_changes_inside_preloaded_modules_is_warned_of() {
    for (body, what) in [
        ("(global.set $x (i32.const 21))", "1 global"),
        ("(global.set $wide (i64.const 1)) (global.set $x (i32.const 2))", "2 globals"),
        ("(i32.store (i32.const 64) (i32.const 0x01010101))", "4 bytes of memory"),
        ("(i32.store8 (i32.const 8) (i32.const 0))", "1 byte of memory"),
        (
            "(global.set $x (i32.const 1)) (i32.store8 (i32.const 0) (i32.const 1))",
            "1 byte of memory and 1 global",
        ),
        ("(drop (memory.grow (i32.const 1)))", "1 size of memories and tables"),
        ("(table.set (i32.const 1) (ref.func $f))", "1 table slot"),
        ("(drop (table.grow (ref.null func) (i32.const 3)))", "1 size of memories and tables"),
        ("(data.drop $d)", "1 passive segment"),
        ("(data.drop $d) (elem.drop $e)", "2 passive segments"),
        ("(struct.set $s 0 (global.get $object) (i32.const 2))", "objects of the heap"),
        (
            "(struct.set $s 1 (global.get $object) (struct.new $s (i32.const 2) (ref.null $s)))",
            "objects of the heap",
        ),
    ] {
        let warnings = warnings(&[("env", &provider(body))], USER);
        assert!(warnings.contains(&lost(what, "env")), "{body}: {warnings:?}");
    }
}

#[test]
fn a_start_function_counts_as_init() {
    let user = r#"(module (import "env" "f" (func $f)) (start $f) (func (export "preinit")))"#;
    let provider =
        "(module (global $x (mut i32) (i32.const 0)) (func (export \"f\") (global.set $x (i32.const 1))))";
    assert_eq!(warnings(&[("env", provider)], user), [lost("1 global", "env")]);
}

/// Nothing is said where nothing is lost.
#[test]
fn preloaded_modules_that_are_as_they_were_are_not_warned_of() {
    let pure = r#"(module (func (export "f")) (func (export "get") (result i32) (i32.const 1)))"#;
    assert!(warnings(&[("env", pure)], USER).is_empty());
    for body in [
        "",
        "(drop (global.get $x))",
        "(global.set $x (i32.const 1)) (global.set $x (i32.const 0))",
        "(i32.store8 (i32.const 8) (i32.const 0x64))",
        "(drop (memory.grow (i32.const 0)))",
        "(table.set (i32.const 1) (ref.null func))",
        "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))",
        "(struct.set $s 0 (global.get $object) (i32.const 1))",
    ] {
        let warnings = warnings(&[("env", &provider(body))], USER);
        assert!(!warnings.iter().any(|warning| warning.contains("init has changed")), "{body}: {warnings:?}");
    }
}

/// What the module imports is in the snapshot, through whomever it comes.
#[test]
fn what_the_module_imports_is_not_lost() {
    let state = r#"(module (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 0))
        (table (export "t") 2 funcref)
        (func (export "f") (i32.store (i32.const 0) (i32.const 7)) (global.set 0 (i32.const 7))))"#;
    let through = r#"(module (import "env" "m" (memory 1)) (export "m" (memory 0)) (import "env" "f" (func))
        (import "env" "g" (global (mut i32))) (export "g" (global 0)) (export "f" (func 0)))"#;
    let user = |memory: &str, global: &str| {
        format!(
            r#"(module (import "{memory}" "m" (memory 1)) (import "{global}" "g" (global $g (mut i32)))
                (import "env" "f" (func $f)) (data (i32.const 32) "active")
                (func (export "preinit") (call $f) (i32.store (i32.const 4) (i32.const 1))))"#
        )
    };
    for (memory, global) in [("env", "env"), ("through", "env"), ("through", "through")] {
        let all = warnings(&[("env", state), ("through", through)], &user(memory, global));
        assert!(all.is_empty(), "{memory}, {global}: {all:?}");
    }
    let half = user("env", "env").replace("(import \"env\" \"g\" (global $g (mut i32)))", "");
    assert_eq!(warnings(&[("env", state)], &half), [lost("1 global", "env")]);
}

/// What they share is lost once, and what one does to another as it starts is not lost: it does so in each instance.
#[test]
fn preloaded_modules_import_from_one_another() {
    let inner = r#"(module (global $x (export "x") (mut i32) (i32.const 0))
        (func (export "set") (param i32) (global.set $x (local.get 0))))"#;
    let outer = |set: &str| {
        format!(
            r#"(module (import "inner" "set" (func $set (param i32))) (import "inner" "x" (global (mut i32)))
                (func $start (call $set (i32.const 5))) (start $start)
                (func (export "f") (call $set (i32.const {set}))))"#
        )
    };
    let user = r#"(module (import "env" "f" (func $f)) (func (export "preinit") (call $f)))"#;
    assert_eq!(warnings(&[("inner", inner), ("env", &outer("6"))], user), [lost("1 global", "inner")]);
    assert!(warnings(&[("inner", inner), ("env", &outer("5"))], user).is_empty());
}

/// A stub that only a preloaded module imports.
#[test]
fn stubs_are_state_too() {
    let provider = r#"(module (import "x" "memory" (memory 1))
        (func (export "f") (i32.store8 (i32.const 0) (i32.const 7))))"#;
    let user = r#"(module (import "env" "f" (func $f)) (func (export "preinit") (call $f)))"#;
    let report = preinit(&[("env", provider)]).stub("x", "memory").run(&wasm(user)).unwrap().report;
    let warnings: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, [lost("1 byte of memory", "env")]);
}

const COUNTER: &str = r#"(module (global $x (mut i32) (i32.const 0))
    (func (export "f") (global.set $x (i32.add (global.get $x) (i32.const 1))))
    (func (export "get") (result i32) (global.get $x)))"#;

#[test]
fn every_kind_of_run_warns_and_strict_ones_refuse() {
    let user = wasm(USER);
    let preinit = preinit(&[("env", COUNTER)]);
    let Err(Error::Strict { warnings, .. }) = preinit.clone().strict(true).run(&user) else {
        panic!("it is accepted");
    };
    let [Warning::PreloadedChange(change)] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!((change.module.to_string().as_str(), change.globals), ("env", 1));
    let prepared = preinit.prepare(&user).unwrap();
    assert_eq!(prepared.run(prepared.options()).unwrap().report.warnings, warnings);
    let json = serde_json::to_string(&prepared.run(prepared.options()).unwrap().report).unwrap();
    assert!(json.contains("init has changed 1 global of the preloaded module `env`"), "{json}");

    let options = Options { host: host(&[("env", COUNTER)]), ..Options::default() };
    let audit = audit(&user, &options).unwrap();
    let findings: Vec<&str> = audit.findings.iter().map(|finding| &*finding.key).collect();
    assert_eq!(findings, ["preload.state"]);

    let program = r#"(module (import "env" "f" (func $f)) (import "env" "get" (func $get (result i32)))
        (func (export "_start") (call $f) (drop (call $get))))"#;
    let frozen = preinit.at("env.get".parse().unwrap()).run(&wasm(program)).unwrap();
    assert!(frozen.report.warnings.contains(&warnings[0]), "{:?}", frozen.report.warnings);
}

/// Also where no call shows it.
#[test]
fn what_init_changed_inside_preloaded_modules_is_a_difference() {
    let user = wasm(USER);
    for (body, key) in [
        ("(global.set $x (i32.const 21))", "preload.env.global.0"),
        ("(i32.store8 (i32.const 64) (i32.const 1))", "preload.env.memory.0.0x40"),
        ("(table.set (i32.const 1) (ref.func $f))", "preload.env.table.0.1"),
        ("(data.drop $d)", "preload.env.data.1.dropped"),
    ] {
        let provider = provider(body);
        let snapshot = preinit(&[("env", &provider)]).run(&user).unwrap().wasm;
        let options =
            VerifyOptions { host: host(&[("env", &provider)]), sequences: 4, ..VerifyOptions::default() };
        let verdict = verify(&user, &snapshot, &options).unwrap();
        assert_eq!(verdict.outcome, Outcome::Different, "{body}: {verdict}");
        assert_eq!(verdict.differences[0].key, key, "{verdict}");
    }
    let options = VerifyOptions { host: host(&[("env", COUNTER)]), ..VerifyOptions::default() };
    let ignoring = VerifyOptions {
        ignore: vec![Pattern::new("preload.env.*"), Pattern::new("*.preload.env.*")],
        sequences: 0,
        ..options
    };
    let snapshot = preinit(&[("env", COUNTER)]).run(&user).unwrap().wasm;
    assert_eq!(verify(&user, &snapshot, &ignoring).unwrap().outcome, Outcome::Equal);
}

#[test]
fn calls_that_change_preloaded_modules_alike_are_equal() {
    let user = USER.replace("(call $f) (global.set", "(global.set");
    for body in
        ["(global.set $x (i32.add (global.get $x) (i32.const 3)))", "(i32.store (i32.const 0) (i32.const 9))"]
    {
        let provider = provider(body);
        let output = preinit(&[("env", &provider)]).run(&wasm(&user)).unwrap();
        let mut options =
            VerifyOptions { host: host(&[("env", &provider)]), sequences: 4, ..VerifyOptions::default() };
        options.scripts = vec![Script::parse("again()\nget(0)\nagain()").unwrap()];
        let verdict = verify(&wasm(&user), &output.wasm, &options).unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "{body}: {verdict}");
    }
}

/// Whichever compiler is the first choice for the module.
#[test]
fn preloaded_modules_may_use_more_than_the_module() {
    let provider = r#"(module (type $s (struct (field i32)))
        (func (export "f") (result i32) (struct.get $s 0 (struct.new $s (i32.const 7)))))"#;
    let user = r#"(module (import "lib" "f" (func $f (result i32))) (global $g (mut i32) (i32.const 0))
        (func (export "preinit") (global.set $g (call $f)))
        (func (export "get") (result i32) (global.get $g)))"#;
    let preloads = [("lib", provider)];
    let output = preinit(&preloads).run(&wasm(user)).unwrap();
    let options = VerifyOptions { host: host(&preloads), sequences: 4, ..VerifyOptions::default() };
    let verdict = verify(&wasm(user), &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(
        verdict
            .to_string()
            .contains("winch: not run: it does not support what the preloaded module `lib` uses")
    );
}
