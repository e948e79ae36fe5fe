//! A component's snapshot in another world than that of its build.

use preinit::host::{HostOptions, WasiOptions};
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};

/// Keeps a random number and the number of variables, as far as it is told; `mark` comes between asking and keeping.
fn component(number: &str, count: &str) -> String {
    format!(
        r#"(component
            (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
            (import "wasi:cli/environment@0.2.0" (instance $environment
              (export "get-environment" (func (result (list (tuple string string)))))))
            (core module $memory (memory (export "memory") 1) (global $top (mut i32) (i32.const 1024))
              (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $top (i32.add (global.get $top) (i32.const 64))) (global.get $top)))
            (core instance $memory (instantiate $memory))
            (core func $random (canon lower (func $random "get-random-u64")))
            (core func $environment (canon lower (func $environment "get-environment")
              (memory $memory "memory") (realloc (func $memory "realloc"))))
            (core module $m
              (import "" "memory" (memory 1))
              (import "" "random" (func $random (result i64)))
              (import "" "environment" (func $environment (param i32)))
              (global $number (mut i64) (i64.const 0))
              (global $count (mut i32) (i32.const 0))
              (func $ask (result i64) (call $environment (i32.const 8)) (call $random))
              (func $mark (export "mark"))
              (func (export "init") (result i32) (local $asked i64)
                (local.set $asked (call $ask))
                (call $mark)
                (global.set $number {number})
                (global.set $count {count})
                (i32.store (i32.const 8) (i32.const 0))
                (i32.store (i32.const 12) (i32.const 0))
                (i32.add (global.get $count) (i32.wrap_i64 (global.get $number))))
              (func (export "number") (result i64) (global.get $number))
              (func (export "count") (result i32) (global.get $count)))
            (core instance $m (instantiate $m (with "" (instance
              (export "memory" (memory $memory "memory"))
              (export "random" (func $random)) (export "environment" (func $environment))))))
            (func (export "init") (result u32) (canon lift (core func $m "init")))
            (func (export "number") (result u64) (canon lift (core func $m "number")))
            (func (export "count") (result u32) (canon lift (core func $m "count"))))"#
    )
}

const KEPT: &str = "(local.get $asked)";
const COUNTED: &str = "(i32.load (i32.const 12))";

fn verdict(wat: &str, at: Option<&str>, scripts: &[&str]) -> Verdict {
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap().into_owned();
    let wasi = WasiOptions { env: vec![("MODE".into(), "build".into())], ..WasiOptions::default() };
    let mut preinit =
        Preinit::new().wasi(wasi.clone()).init_function("init").init_result(preinit::InitResult::Any);
    if let Some(at) = at {
        preinit = preinit.at(at.parse().unwrap());
    }
    let snapshot = preinit.run(&wasm).unwrap().wasm;
    let options = VerifyOptions {
        init_functions: vec!["init".into()],
        at: at.map(|at| at.parse().unwrap()),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        scripts: scripts.iter().map(|script| Script::parse(script).unwrap()).collect(),
        fresh: true,
        sequences: 2,
        ..VerifyOptions::default()
    };
    verify(&wasm, &snapshot, &options).unwrap()
}

#[track_caller]
fn differs(verdict: &Verdict, expected: &[&str]) {
    let keys: Vec<&str> = verdict.differences.iter().map(|difference| difference.key.as_str()).collect();
    assert_eq!(keys, expected, "{verdict}");
    let worlds = [
        "other random numbers",
        "the other value of every random bit",
        "another environment",
        "no environment",
    ];
    assert_eq!(verdict.coverage.fresh, worlds, "{verdict}");
    assert!(verdict.coverage.fresh_calls > 0, "{verdict}");
}

#[test]
fn what_is_kept_of_the_build_is_named_by_its_source() {
    let (number, count) = (["number()\ncount()"], ["count()\nnumber()"]);
    differs(
        &verdict(&component(KEPT, "(i32.const 3)"), None, &number),
        &["fresh.random.step.0.result", "fresh.random-bits.step.0.result"],
    );
    differs(
        &verdict(&component("(i64.const 3)", COUNTED), None, &count),
        &["fresh.environment.step.0.result", "fresh.no-environment.step.0.result"],
    );
    let none = component("(i64.const 3)", "(i32.const 3)");
    differs(&verdict(&none, None, &number), &[]);
    // Each export without parameters.
    differs(&verdict(&none, None, &[]), &[]);
    let all = verdict(&component(KEPT, COUNTED), None, &[]);
    let everything = [
        "fresh.random.step.0.result",
        "fresh.random-bits.step.0.result",
        "fresh.environment.step.0.result",
        "fresh.no-environment.step.0.result",
    ];
    differs(&all, &everything);
}

#[test]
fn a_frozen_component_goes_on_there() {
    let at = Some("export:mark");
    differs(
        &verdict(&component(KEPT, "(i32.const 3)"), at, &[]),
        &["fresh.random.resumed.result", "fresh.random-bits.resumed.result"],
    );
    differs(
        &verdict(&component("(i64.const 3)", COUNTED), at, &[]),
        &["fresh.environment.resumed.result", "fresh.no-environment.resumed.result"],
    );
    differs(&verdict(&component("(i64.const 3)", "(i32.const 3)"), at, &[]), &[]);
}

/// An original that does not come to where the snapshot begins is said.
#[test]
fn an_original_that_stops_there_is_said() {
    let stops = component("(i64.const 3)", COUNTED).replace(
        "(call $mark)",
        "(if (i32.gt_u (i32.load (i32.const 12)) (i32.const 1)) (then unreachable)) (call $mark)",
    );
    for at in [None, Some("export:mark")] {
        let verdict = verdict(&stops, at, &[]);
        // Without variables, the other number of them shows.
        assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
        let why = "with another environment, the original does not come to where the snapshot begins";
        assert!(verdict.undecided[0].starts_with(why), "{verdict}");
    }
}
