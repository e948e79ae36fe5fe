//! A snapshot in another world than that of its build: what is frozen shows, and is named by its source.

use super::super::host_caches;
use preinit::host::{Access, Directory, HostOptions, WasiOptions};
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Options, Preinit};
use preinit_testing::{repository, test_program as read};

/// A module whose init keeps what it got, or does not.
fn module(import: &str, call: &str, keeps: bool) -> Vec<u8> {
    keeping(import, call, if keeps { "(i64.load (i32.const 64))" } else { "(i64.const 7)" })
}

/// A module whose init keeps this of what it got.
fn keeping(import: &str, call: &str, kept: &str) -> Vec<u8> {
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

const RANDOM: [&str; 2] = ["other random numbers", "the other value of every random bit"];

/// What hangs on one bit of random numbers, whichever it is, and on whether a variable is set.
#[test]
fn one_bit_and_one_variable_show() {
    for bit in [0, 7, 33, 63] {
        let random = (
            "\"random_get\" (func $f (param i32 i32) (result i32))",
            "(call $f (i32.const 64) (i32.const 8))",
        );
        let kept = format!("(i64.and (i64.const 1) (i64.shr_u (i64.load (i32.const 64)) (i64.const {bit})))");
        let wasm = keeping(random.0, random.1, &kept);
        let verdict = fresh(&wasm, "preinit", build(), VerifyOptions::default());
        let keys: Vec<&str> = verdict.differences.iter().map(|difference| difference.key.as_str()).collect();
        assert!(keys.contains(&"fresh.random-bits.step.0.result"), "{bit}: {verdict}");
    }
    let environment = (
        "\"environ_sizes_get\" (func $f (param i32 i32) (result i32))",
        "(call $f (i32.const 64) (i32.const 68))",
    );
    // One or more.
    let wasm = keeping(
        environment.0,
        environment.1,
        "(i64.extend_i32_u (i32.ne (i32.load (i32.const 64)) (i32.const 0)))",
    );
    let wasi = WasiOptions { env: vec![("A".into(), "1".into())], ..build() };
    let verdict = fresh(&wasm, "preinit", wasi, VerifyOptions::default());
    differs(&verdict, &["fresh.no-environment.step.0.result"]);
}

#[test]
fn what_is_kept_of_the_build_is_named_by_its_source() {
    let clock = (
        "\"clock_time_get\" (func $f (param i32 i64 i32) (result i32))",
        "(call $f (i32.const 0) (i64.const 0) (i32.const 64))",
    );
    let random =
        ("\"random_get\" (func $f (param i32 i32) (result i32))", "(call $f (i32.const 64) (i32.const 8))");
    for ((import, call), sources, described) in
        [(clock, &["clock"][..], &["another time"][..]), (random, &["random", "random-bits"], &RANDOM)]
    {
        let verdict = fresh(&module(import, call, true), "preinit", build(), VerifyOptions::default());
        let keys: Vec<String> =
            sources.iter().map(|source| format!("fresh.{source}.step.0.result")).collect();
        differs(&verdict, &keys.iter().map(String::as_str).collect::<Vec<_>>());
        let verdict = fresh(&module(import, call, false), "preinit", build(), VerifyOptions::default());
        differs(&verdict, &[]);
        assert_eq!(verdict.coverage.fresh, described);
        assert_eq!(verdict.coverage.fresh_calls, 4 * sources.len() as u64);
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
    differs(&verdict, &["fresh.environment.step.1.result", "fresh.no-environment.step.1.result"]);
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
