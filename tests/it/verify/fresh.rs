//! A snapshot in another world than that of its build: what is frozen shows, and is named by its source.

use super::super::host_caches;
use preinit::host::{Access, Directory, HostOptions, WasiOptions};
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Options, Preinit};
use preinit_testing::{repository, test_program as read};

/// A module whose init keeps what it got, or does not.
fn module(import: &str, call: &str, keeps: bool) -> Vec<u8> {
    let kept = if keeps { "(i64.load (i32.const 64))" } else { "(i64.const 7)" };
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" {import})
            (memory (export "memory") 1)
            (func $ask (drop {call}))
            (func (export "preinit")
                (call $ask)
                (i64.store (i32.const 128) {kept})
                (i64.store (i32.const 64) (i64.const 0)))
            (func (export "kept") (result i64) (i64.load (i32.const 128)))
            (func (export "own") (result i64) (call $ask) (i64.load (i32.const 64))))"#
    );
    wat::parse_str(text).unwrap()
}

fn build() -> WasiOptions {
    host_caches::build(&["/data"])
}

/// Makes a snapshot, and plays it.
fn fresh(wasm: &[u8], init: &str, wasi: WasiOptions, play: VerifyOptions) -> Verdict {
    let host = HostOptions { wasi: Some(wasi), ..HostOptions::default() };
    let init_functions = vec![init.to_string()];
    let options = Options {
        init_functions: init_functions.clone(),
        at: play.at.clone(),
        host: host.clone(),
        ..Options::default()
    };
    let snapshot = Preinit::from(options).run(wasm).unwrap().wasm;
    let options = VerifyOptions { init_functions, host, fresh: true, sequences: 2, ..play };
    verify(wasm, &snapshot, &options).unwrap()
}

#[track_caller]
fn differs(verdict: &Verdict, expected: &[&str]) {
    let keys: Vec<&str> = verdict.differences.iter().map(|difference| difference.key.as_str()).collect();
    assert_eq!(keys, expected, "{verdict}");
    let outcome = if expected.is_empty() { Outcome::Equal } else { Outcome::Different };
    assert_eq!(verdict.outcome, outcome, "{verdict}");
}

#[test]
fn what_is_kept_of_the_build_is_named_by_its_source() {
    let clock = (
        "\"clock_time_get\" (func $f (param i32 i64 i32) (result i32))",
        "(call $f (i32.const 0) (i64.const 0) (i32.const 64))",
    );
    let random =
        ("\"random_get\" (func $f (param i32 i32) (result i32))", "(call $f (i32.const 64) (i32.const 8))");
    for ((import, call), source, described) in
        [(clock, "clock", "another time"), (random, "random", "other random numbers")]
    {
        let verdict = fresh(&module(import, call, true), "preinit", build(), VerifyOptions::default());
        differs(&verdict, &[&format!("fresh.{source}.step.0.result")]);
        let verdict = fresh(&module(import, call, false), "preinit", build(), VerifyOptions::default());
        differs(&verdict, &[]);
        assert_eq!(
            (verdict.coverage.fresh.as_slice(), verdict.coverage.fresh_calls),
            (&[described.to_string()][..], 4)
        );
        // Without it, nothing of that is seen.
        let options = Options {
            host: HostOptions { wasi: Some(build()), ..HostOptions::default() },
            ..Options::default()
        };
        let wasm = module(import, call, true);
        let snapshot = Preinit::from(options).run(&wasm).unwrap().wasm;
        differs(
            &verify(&wasm, &snapshot, &VerifyOptions { sequences: 2, ..VerifyOptions::default() }).unwrap(),
            &[],
        );
    }
}

#[test]
fn what_libc_has_cached_is_named() {
    let wasm = read("c/host_caches.wasm");
    let scripts = || vec![Script::parse("size()\nmode()").unwrap()];
    let play = || VerifyOptions { scripts: scripts(), ..VerifyOptions::default() };
    // Another directory comes first, which libc does not know.
    let verdict = fresh(&wasm, "looks_for_file", build(), play());
    differs(&verdict, &["fresh.directories.step.0.result"]);
    let variable = WasiOptions { env: vec![("MODE".into(), "build".into())], ..host_caches::build(&[]) };
    let verdict = fresh(&wasm, "looks_for_variable", variable.clone(), play());
    differs(&verdict, &["fresh.environment.step.1.result"]);
    // What an instance has, as the user says.
    let data = Directory {
        guest: "/data".into(),
        host: repository().join("test-programs/data"),
        access: Access::ReadOnly,
    };
    let run = WasiOptions { dirs: vec![data], ..host_caches::build(&[]) };
    let there = VerifyOptions { run: Some(run), ..play() };
    differs(
        &fresh(&wasm, "looks_for_file", host_caches::build(&[]), there),
        &["fresh.directories.step.0.result"],
    );
    let run = WasiOptions { env: vec![("MODE".into(), "run".into())], ..host_caches::build(&[]) };
    let there = VerifyOptions { run: Some(run), ..play() };
    differs(&fresh(&wasm, "looks_for_variable", variable, there), &["fresh.environment.step.1.result"]);
    // Init that forgets them.
    let sins = read("sins/sins.wasm");
    for init in ["clean", "clean_with_clock", "clean_with_environment", "clean_with_file"] {
        let play = VerifyOptions {
            scripts: vec![Script::parse("query(3)\nquery(5)").unwrap()],
            ..VerifyOptions::default()
        };
        let verdict = fresh(&sins, init, build(), play);
        differs(&verdict, &[]);
        assert!(verdict.coverage.fresh_calls > 0 || init == "clean", "{init}: {verdict}");
    }
}

#[test]
fn an_original_that_cannot_start_there_is_said() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func $f (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "preinit")
            (drop (call $f (i32.const 0) (i64.const 0) (i32.const 64)))
            (if (i64.gt_u (i64.load (i32.const 64)) (i64.const 950000000000000000)) (then unreachable)))
        (func (export "answer") (result i32) (i32.const 42)))"#;
    let verdict = fresh(&wat::parse_str(text).unwrap(), "preinit", build(), VerifyOptions::default());
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
    assert!(verdict.undecided[0].starts_with("with another time, the original does not come"), "{verdict}");
}

#[test]
fn a_frozen_program_is_resumed_there() {
    let text = |kept: &str| {
        let text = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "clock_time_get" (func $f (param i32 i64 i32) (result i32)))
                (import "wasi_snapshot_preview1" "fd_write" (func $print (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "program") (local i64)
                    (drop (call $f (i32.const 0) (i64.const 0) (i32.const 64)))
                    (local.set 0 {kept})
                    (drop (call $f (i32.const 0) (i64.const 0) (i32.const 64)))
                    (i64.store (i32.const 96) (local.get 0))
                    (i32.store (i32.const 80) (i32.const 96))
                    (i32.store (i32.const 84) (i32.const 8))
                    (drop (call $print (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 88)))))"#
        );
        wat::parse_str(text).unwrap()
    };
    let at = || VerifyOptions {
        at: Some("wasi_snapshot_preview1.clock_time_get#2".parse().unwrap()),
        ..VerifyOptions::default()
    };
    differs(
        &fresh(&text("(i64.load (i32.const 64))"), "program", build(), at()),
        &["fresh.clock.resumed.stdout"],
    );
    differs(&fresh(&text("(i64.const 5)"), "program", build(), at()), &[]);
}
