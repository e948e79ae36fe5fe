//! The audit of environment variables and arguments: which are told as secrets, and that many are told apart in few runs.

use preinit::audit::{Audit, Finding, Level, audit};
use preinit::host::{HostOptions, Limits, Output, WasiOptions};
use preinit::{Options, Preinit};
use std::time::Duration;

/// Fetches the environment to 4096 with pointers at 1024, and arguments to 32768 with pointers at 20480. `then` follows.
fn guest(then: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $value (param $index i32) (result i32)
            (local $at i32)
            (local.set $at (i32.load offset=1024 (i32.shl (local.get $index) (i32.const 2))))
            (loop $next
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $next (i32.ne (i32.load8_u (i32.sub (local.get $at) (i32.const 1))) (i32.const 0x3d))))
            (i32.load8_u (local.get $at)))
        (func (export "preinit") (local $at i32)
            (drop (call $environ_sizes (i32.const 0) (i32.const 4)))
            (drop (call $environ (i32.const 1024) (i32.const 4096)))
            (drop (call $args_sizes (i32.const 8) (i32.const 12)))
            (drop (call $args (i32.const 20480) (i32.const 32768)))
            {then}))"#
    );
    wat::parse_str(text).unwrap()
}

const FORGET_ENVIRONMENT: &str = "(memory.fill (i32.const 1024) (i32.const 0) (i32.const 16384))";

fn options(env: &[(String, String)], args: &[&str]) -> Options {
    let wasi = WasiOptions {
        env: env.to_vec(),
        args: args.iter().map(|arg| arg.to_string()).collect(),
        stdout: Output::Discard,
        stderr: Output::Discard,
        ..WasiOptions::default()
    };
    Options { host: HostOptions { wasi: Some(wasi), ..HostOptions::default() }, ..Options::default() }
}

fn variables(named: &[(&str, &str)], others: usize) -> Vec<(String, String)> {
    let others = (0..others).map(|at| (format!("VARIABLE_{at:02}"), format!("value number {at:02}")));
    named.iter().map(|(name, value)| (name.to_string(), value.to_string())).chain(others).collect()
}

fn with_key<'a>(audit: &'a Audit, key: &str) -> Vec<&'a Finding> {
    audit.findings.iter().filter(|finding| finding.key == key).collect()
}

#[test]
fn arguments_are_no_secrets() {
    let options = options(&[], &["program", "-c", "import everything"]);
    let audit = audit(&guest(""), &options).unwrap();
    assert!(audit.is_clean(), "{}", audit.text(true));
    let found = with_key(&audit, "secret.args");
    assert_eq!(found.len(), 1, "{}", audit.text(true));
    assert!(found[0].title.contains("argument 2 is in the output"), "{}", found[0].title);
    // Argument 1 is too short to be searched for, but what depends on it is told.
    let tainted = with_key(&audit, "taint.args");
    assert!(tainted.iter().any(|finding| finding.title.contains("argument 1")), "{}", audit.text(true));
    let snapshot = Preinit::from(options).run(&guest("")).unwrap();
    assert_eq!(snapshot.report.findings, []);
}

#[test]
fn the_worst_variables_come_first_and_the_machine_s_last() {
    let named = [
        ("HOME", "/home/somebody"),
        ("PATH", "/usr/bin:/bin"),
        ("STORE", "postgres://bob:hunter2@db.example/shop"),
        ("API_KEY", "sk-live-0123456789"),
    ];
    let audit = audit(&guest(""), &options(&variables(&named, 6), &[])).unwrap();
    let found = with_key(&audit, "secret.env");
    let titles: Vec<(Level, &str)> =
        found.iter().map(|finding| (finding.level, finding.title.as_str())).collect();
    let expected = [
        (Level::Danger, "the value of environment variable `STORE`"),
        (Level::Danger, "the value of environment variable `API_KEY`"),
        (Level::Warning, "the values of 6 environment variables are in the output: `VARIABLE_00`"),
        (Level::Warning, "the values of 2 environment variables that describe the build machine"),
    ];
    assert_eq!(titles.len(), expected.len(), "{titles:?}");
    for ((level, title), (expected_level, start)) in titles.iter().zip(expected) {
        assert!(*level == expected_level && title.starts_with(start), "{titles:?}");
    }
    assert_eq!(found[2].locations.len(), 6, "{:?}", found[2].locations);
    assert_eq!(found[2].locations[5].what, "`VARIABLE_05`");
}

#[test]
fn one_of_many_variables_is_found_in_few_runs() {
    let keep = format!("(i32.store8 (i32.const 60000) (call $value (i32.const 17))) {FORGET_ENVIRONMENT}");
    let env = variables(&[("A", "1"), ("B", "2")], 60);
    let audit = audit(&guest(&keep), &options(&env, &[])).unwrap();
    let found = with_key(&audit, "taint.env");
    assert_eq!(found.len(), 1, "{}", audit.text(true));
    // Its value begins with a letter, as all do: the second run tells which it is.
    assert!(found[0].title.ends_with("on environment variable `VARIABLE_15`"), "{}", found[0].title);
    assert_eq!((found[0].locations[0].address, found[0].locations[0].bytes), (Some(60000), 1));
    assert!(with_key(&audit, "secret.env").is_empty(), "{}", audit.text(true));
    assert!(audit.runs <= 12, "{} runs", audit.runs);
}

#[test]
fn what_two_variables_decide_is_said_of_both() {
    let keep = format!(
        "(i32.store8 (i32.const 60000) (i32.add (call $value (i32.const 3)) (call $value (i32.const 5))))
         {FORGET_ENVIRONMENT}"
    );
    let audit = audit(&guest(&keep), &options(&variables(&[], 9), &[])).unwrap();
    let found = with_key(&audit, "taint.env");
    assert_eq!(found.len(), 1, "{}", audit.text(true));
    for name in ["`VARIABLE_03`", "`VARIABLE_05`"] {
        assert!(found[0].title.contains(name), "{}", found[0].title);
    }
}

/// A run that does not end takes no other run with it, and what depends on other variables is told all the same.
#[test]
fn a_variable_that_makes_init_hang() {
    let hang = format!(
        "(if (i32.ne (call $value (i32.const 2)) (i32.const 0x66)) (then (loop $forever (br $forever))))
         (i32.store8 (i32.const 60000) (call $value (i32.const 4))) {FORGET_ENVIRONMENT}"
    );
    let mut env = variables(&[], 8);
    env[2] = ("MODE".into(), "fast".into());
    let limits = Limits { timeout: Some(Duration::from_secs(2)), ..Options::default().limits };
    let audit = audit(&guest(&hang), &Options { limits, ..options(&env, &[]) }).unwrap();
    let course = with_key(&audit, "course.env");
    assert_eq!(course.len(), 1, "{}", audit.text(true));
    assert!(
        course[0].title.contains("`MODE`") && course[0].title.contains("time limit"),
        "{}",
        course[0].title
    );
    let tainted = with_key(&audit, "taint.env");
    assert_eq!(tainted.len(), 1, "{}", audit.text(true));
    assert!(tainted[0].title.ends_with("`VARIABLE_04`"), "{}", tainted[0].title);
}

/// What looks for these letters in the environment, keeps whether they are there, at 60000, and forgets the rest.
fn looks_for(letters: &str) -> String {
    format!(
        "(local.set $at (i32.const 4096))
         (block $done
           (loop $next
             (if {} (then (i32.store8 (i32.const 60000) (i32.const 1)) (br $done)))
             (local.set $at (i32.add (local.get $at) (i32.const 1)))
             (br_if $next (i32.lt_u (local.get $at) (i32.const 8192)))))
         (local.set $at (i32.const 0))
         {FORGET_ENVIRONMENT}",
        are_at(letters)
    )
}

/// Whether these letters are at `$at`.
fn are_at(letters: &str) -> String {
    let equal = letters.bytes().enumerate().map(|(at, letter)| {
        format!("(i32.eq (i32.load8_u offset={at} (local.get $at)) (i32.const {letter}))")
    });
    equal.reduce(|all, next| format!("(i32.and {all} {next})")).unwrap_or_default()
}

/// With any value: whether the variable is there makes the difference. Its name in a copy of the environment is none.
#[test]
fn what_depends_on_whether_a_variable_is_set() {
    let wasm = guest(&looks_for("DEBUG="));
    for value in ["yes", "1", "true"] {
        let env = variables(&[("LANG", "C"), ("DEBUG", value)], 3);
        let audit = audit(&wasm, &options(&env, &[])).unwrap();
        let found: Vec<&Finding> = with_key(&audit, "taint.env")
            .into_iter()
            .filter(|finding| finding.title.contains("whether"))
            .collect();
        let titles: Vec<&str> = found.iter().map(|finding| finding.title.as_str()).collect();
        assert_eq!(
            titles,
            ["1 byte depends on whether environment variable `DEBUG` is set"],
            "{}",
            audit.text(true)
        );
        assert_eq!(found[0].locations[0].address, Some(60000));
    }
    // One that is in the state is told with its value.
    let keeps = guest(&looks_for("DEBUG=").replace(FORGET_ENVIRONMENT, ""));
    let kept = audit(&keeps, &options(&variables(&[("DEBUG", "yes")], 0), &[])).unwrap();
    let titles: Vec<&str> =
        with_key(&kept, "taint.env").iter().map(|finding| finding.title.as_str()).collect();
    assert_eq!(titles, ["3 bytes depend on environment variable `DEBUG`"], "{}", kept.text(true));
    // A name that nobody looks for.
    let audit = audit(&wasm, &options(&variables(&[("LANG", "C"), ("DEBUGS", "1")], 3), &[])).unwrap();
    assert!(!audit.findings.iter().any(|finding| finding.title.contains("whether")), "{}", audit.text(true));
}

/// What hangs on one bit, whichever it is.
#[test]
fn every_random_bit_is_varied() {
    for bit in [0, 5, 16, 31, 40, 63] {
        let wat = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "preinit")
                    (drop (call $random (i32.const 64) (i32.const 8)))
                    (i32.store8 (i32.const 1000)
                        (i32.wrap_i64 (i64.and (i64.const 1) (i64.shr_u (i64.load (i32.const 64)) (i64.const {bit})))))
                    (i64.store (i32.const 64) (i64.const 0))))"#
        );
        let audit = audit(&wat::parse_str(wat).unwrap(), &options(&[], &[])).unwrap();
        let found = with_key(&audit, "taint.random");
        assert_eq!(found.len(), 1, "{bit}: {}", audit.text(true));
        assert_eq!(found[0].title, "1 byte depends on random numbers");
        assert_eq!(found[0].locations[0].address, Some(1000));
    }
}
