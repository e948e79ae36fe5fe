//! Which code runs init, and what is left for the next run.

use super::{Place, code, done, stderr};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const SMALL: &str = "cranelift, optimizing (the module is small)";
const SOONEST: &str = "(compiles soonest)";
const KEPT: &str = "cranelift, optimizing, from the cache (optimized by an earlier run)";

/// Enough code that nobody optimizes it at once, and an init that takes so many turns.
fn large(turns: u32) -> String {
    let mut text = String::from("(module (memory (export \"memory\") 1)");
    for function in 0..600 {
        let body = "(i32.add (i32.mul (local.get 0) (i32.const 31)) (i32.const 7)) (local.set 0)".repeat(6);
        write!(text, "(func (export \"f{function}\") (param i32) (result i32) {body} (local.get 0))")
            .unwrap();
    }
    write!(
        text,
        r#"(func (export "preinit") (local $turn i32) (local $sum i32)
            (loop $next
              (local.set $sum (i32.add (local.get $turn) (i32.mul (local.get $sum) (i32.const 7))))
              (i32.store (i32.and (local.get $turn) (i32.const 1020)) (local.get $sum))
              (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
              (br_if $next (i32.lt_u (local.get $turn) (i32.const {turns}))))))"#
    )
    .unwrap();
    text
}

/// A component whose core module this is.
fn component(module: &str) -> String {
    let fields = module.strip_prefix("(module").unwrap();
    format!(
        r#"(component
            (core module $m {fields}
            (core instance $i (instantiate $m))
            (func (export "preinit") (canon lift (core func $i "preinit"))))"#
    )
}

/// What `-v` says of the compiler, and the snapshot.
fn made(place: &Place, line: &str) -> (String, Vec<u8>) {
    let output = place.line(&format!("in.wasm -o out.wasm -v --cache-dir cache {line}"));
    done(&output);
    let message = stderr(&output);
    let compiler = message.lines().find(|line| line.starts_with("compiler  ")).unwrap();
    (compiler["compiler  ".len()..].to_owned(), place.read("out.wasm"))
}

fn entries(place: &Place) -> usize {
    std::fs::read_dir(place.join("cache/compiled")).map_or(0, Iterator::count)
}

/// What is in a place is small: optimized at once, and the same from other tiers.
#[track_caller]
fn every_tier_gives_the_same(place: &Place) {
    let (compiler, expected) = made(place, "");
    assert_eq!(compiler, SMALL);
    for (line, says) in [
        ("--opt", "cranelift, optimizing, from the cache (asked for)"),
        ("--opt=false", "winch (asked for)"),
        ("--no-opt", "winch, from the cache (asked for)"),
        ("--fuel 100000", "winch (fuel is counted)"),
    ] {
        assert_eq!(made(place, line), (says.to_owned(), expected.clone()), "{line}");
    }
}

#[test]
fn small_modules_are_optimized_at_once_and_every_tier_gives_the_same() {
    let place = Place::new();
    every_tier_gives_the_same(&place);
    let output = place.line("in.wasm -o out.wasm --opt --no-opt");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

#[test]
fn after_a_long_init_the_next_run_finds_optimized_code() {
    let module = large(60_000_000);
    for text in [component(&module), module] {
        let place = Place::new();
        place.write("in.wasm", wat::parse_str(text).unwrap());
        let (compiler, expected) = made(&place, "");
        assert!(compiler.ends_with(SOONEST), "{compiler}");
        let patience = Instant::now();
        loop {
            let (compiler, wasm) = made(&place, "");
            assert!(wasm == expected, "{compiler}");
            if compiler == KEPT {
                break;
            }
            assert!(patience.elapsed() < Duration::from_secs(120), "{compiler}");
            std::thread::sleep(Duration::from_millis(200));
        }
        let kept = entries(&place);
        assert_eq!(made(&place, "--opt").0, "cranelift, optimizing, from the cache (asked for)");
        assert_eq!(made(&place, "--no-opt"), ("winch, from the cache (asked for)".to_owned(), expected));
        assert_eq!(entries(&place), kept);
    }
}

/// Code that looks at the time is other code than code that does not.
#[test]
fn components_without_a_time_limit_find_optimized_code_of_their_own() {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(component(&large(60_000_000))).unwrap());
    let (_, expected) = made(&place, "--timeout none");
    let patience = Instant::now();
    while made(&place, "--timeout none") != (KEPT.to_owned(), expected.clone()) {
        assert!(patience.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(made(&place, "").0.ends_with(SOONEST));
}

#[test]
fn small_components_are_optimized_at_once_and_every_tier_gives_the_same() {
    let place = Place::new();
    let text = r#"(module (memory (export "memory") 1)
        (func (export "preinit") (f64.store (i32.const 8) (f64.div (f64.const 0) (f64.const 0)))))"#;
    place.write("in.wasm", wat::parse_str(component(text)).unwrap());
    every_tier_gives_the_same(&place);
}

/// Nothing is left behind where nobody wants it.
#[test]
fn nothing_is_compiled_ahead_against_the_options() {
    let module = large(60_000_000);
    for text in [component(&module), module] {
        let wasm = wat::parse_str(text).unwrap();
        for (line, kept) in [("--no-opt", 1), ("--untrusted", 1), ("--no-cache", 0)] {
            let place = Place::new();
            place.write("in.wasm", &wasm);
            for _ in 0..2 {
                made(&place, line);
            }
            std::thread::sleep(Duration::from_millis(1500));
            assert_eq!(entries(&place), kept, "{line}");
        }
    }
}

/// A process that is given less than was announced leaves nothing.
#[test]
fn half_a_module_is_not_compiled_ahead() {
    let place = Place::new();
    let wasm = place.read("in.wasm");
    let ahead = |length: usize| {
        place.line_with_stdin(&format!("compile-ahead --length {length} --cache-dir cache"), &wasm)
    };
    assert_eq!(code(&ahead(wasm.len() + 1)), 2);
    assert_eq!(entries(&place), 0);
    done(&ahead(wasm.len()));
    assert_eq!(entries(&place), 1);
}

/// Init prints a line and never returns.
const PRINTS_AND_LOOPS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\03\00\00\00")
    (data (i32.const 16) "hi\n")
    (func $for_ever (loop $l (br $l)))
    (func (export "preinit")
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (call $for_ever)))"#;

#[test]
fn the_time_limit_says_the_same_in_every_tier() {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(PRINTS_AND_LOOPS).unwrap());
    let run = |tier: &str| {
        let line = format!(
            "in.wasm -o out.wasm --allow-wasi --timeout 300ms --no-cache --ledger ledger.json \
             --ledger-hash plain --report report.json --capture-stdout printed {tier}"
        );
        let output = place.line(&line);
        let files = ["ledger.json", "report.json", "printed"].map(|file| {
            let text = String::from_utf8(place.read(file)).unwrap();
            std::fs::remove_file(place.join(file)).unwrap();
            text
        });
        (code(&output), stderr(&output), files)
    };
    let expected = run("--no-opt");
    let (code, message, [ledger, report, printed]) = &expected;
    assert_eq!((*code, &**printed), (1, "hi\n"), "{message}");
    assert!(message.contains("did not finish: it ran longer than the time limit of 300ms"), "{message}");
    assert!(message.contains("for_ever") && message.contains("preinit"), "{message}");
    assert!(ledger.contains("fd_write") && report.contains("time limit"), "{ledger} {report}");
    assert_eq!(run("--opt"), expected);
    assert_eq!(run(""), expected);
    assert!(!place.files().contains(&"out.wasm".to_owned()));
}

/// The terminal gets what init prints once, although init is repeated to see where it was.
#[test]
fn nothing_is_printed_twice() {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(PRINTS_AND_LOOPS).unwrap());
    let output = place.line("in.wasm -o out.wasm --allow-wasi --timeout 300ms --no-cache --opt");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "hi\n");
}

/// What runs after init is not init: constructors that never return when they run again do not spoil the snapshot.
const ENDLESS_SECOND_TIME: &str = r#"(module
    (global $ran (mut i32) (i32.const 0))
    (func $__wasm_call_ctors (loop $again (br_if $again (global.get $ran))) (global.set $ran (i32.const 1)))
    (func (export "_initialize") (call $__wasm_call_ctors))
    (func (export "preinit"))
    (func (export "query") (result i32) (call $__wasm_call_ctors) (global.get $ran)))"#;

#[test]
fn what_comes_after_init_may_be_endless_in_every_tier() {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(ENDLESS_SECOND_TIME).unwrap());
    let run = |tier: &str| {
        let output = place.line(&format!("in.wasm -o out.wasm --timeout 500ms --no-cache {tier}"));
        done(&output);
        (stderr(&output).contains("constructors"), place.read("out.wasm"))
    };
    let expected = run("--no-opt");
    assert!(expected.0, "it is said");
    assert_eq!(run("--opt"), expected);
    assert_eq!(run(""), expected);
}

/// A function with values that live across many blocks: what optimized code for it takes grows with the product.
fn costly(values: u32, blocks: u32) -> String {
    let numbers = 0..values;
    let locals = "i32 ".repeat(values as usize);
    let set: String = numbers.clone().map(|n| format!("(local.set {n} (call $value))")).collect();
    let blocks = "(if (call $value) (then (call $block)))".repeat(blocks as usize);
    let used: String = numbers.map(|n| format!("(call $use (local.get {n}))")).collect();
    format!(
        "(func $value (result i32) (i32.const 0)) (func $block) (func $use (param i32))
        (func (local {locals}) {set} {blocks} {used})"
    )
}

/// What compiles for the next run takes no more than the command that started it may.
#[test]
fn compiling_ahead_has_the_limits_of_the_command() {
    let place = Place::new();
    let functions = costly(2000, 4000);
    let wasm = wat::parse_str(format!(r#"(module (func (export "preinit")) {functions})"#)).unwrap();
    let ahead = |limit: &str| {
        let length = wasm.len();
        place.line_with_stdin(&format!("compile-ahead --length {length} --cache-dir cache {limit}"), &wasm)
    };
    for (limit, message) in [
        ("--max-process-memory 100000000", "the process takes"),
        ("--timeout 10ms", "not done after the time limit of 10ms"),
    ] {
        let output = ahead(limit);
        assert_eq!(code(&output), 1, "{limit}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{limit}: {}", stderr(&output));
    }
}

/// One cache has one such process at a time. Others do not wait: a job server would have any number of them.
#[test]
fn one_process_compiles_ahead_at_a_time() {
    let place = Place::new();
    let wasm = place.read("in.wasm");
    let line = format!("compile-ahead --length {} --cache-dir cache", wasm.len());
    done(&place.line("in.wasm -o out.wasm --cache-dir cache"));
    let before = entries(&place);
    let turn = std::fs::File::open(place.join("cache/key")).unwrap();
    turn.lock().unwrap();
    let output = place.line_with_stdin(&line, &wasm);
    assert!(stderr(&output).contains("another process compiles for this cache"), "{}", stderr(&output));
    assert_eq!(entries(&place), before);
    drop(turn);
    done(&place.line_with_stdin(&line, &wasm));
}

/// Whoever waits for the end of a pipe that the command has inherited, as `make` and test runners do, waits for the command alone.
#[cfg(unix)]
#[test]
fn compiling_ahead_keeps_no_descriptor_of_the_command() {
    let place = Place::new();
    let module = large(60_000_000);
    let module = module.trim_end().strip_suffix(')').unwrap();
    place.write("in.wasm", wat::parse_str(format!("{module} {})", costly(1000, 2000))).unwrap());
    let line = r#"exec "$0" in.wasm -o out.wasm --cache-dir cache --timeout 20s 3>&1 >/dev/null 2>&1"#;
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_preinit")]).current_dir(place.join("."));
    // Until nobody has the pipe any more.
    done(&command.output().unwrap());
    let turn = std::fs::File::open(place.join("cache/key")).unwrap();
    let patience = Instant::now();
    while turn.try_lock().is_ok() {
        turn.unlock().unwrap();
        assert!(patience.elapsed() < Duration::from_secs(10), "it has ended before the pipe");
        std::thread::sleep(Duration::from_millis(5));
    }
}
