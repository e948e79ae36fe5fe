//! Clocks after the place at which a program was frozen, and after init: whatever is read of them, and however it waits, both sides see
//! the same.

use preinit::host::{Clock, HostOptions, WasiOptions};
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Options, Preinit};

/// Reads the monotonic clock, comes to `mark`, and goes on with `after`.
fn program(after: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (global $then (mut i64) (i64.const 0))
            (func $read (param $id i32)
                (i64.store (i32.const 64) (i64.const 0))
                (i32.store (i32.const 72) (call $clock (local.get $id) (i64.const 0) (i32.const 64)))
                (global.set $then (i64.load (i32.const 64))))
            (func $wait (param $id i32) (param $flags i32) (param $time i64)
                (memory.fill (i32.const 128) (i32.const 0) (i32.const 48))
                (i32.store (i32.const 144) (local.get $id))
                (i64.store (i32.const 152) (local.get $time))
                (i32.store16 (i32.const 168) (local.get $flags))
                (i32.store (i32.const 76) (call $poll (i32.const 128) (i32.const 512) (i32.const 1) (i32.const 80))))
            (func $mark (export "mark"))
            (func (export "program") (call $read (i32.const 1)) (call $mark) {after})
            (func (export "since") (result i64) (local $then i64)
                (local.set $then (global.get $then)) (call $read (i32.const 1))
                (i64.sub (global.get $then) (local.get $then))))"#
    );
    wat::parse_str(text).unwrap()
}

const OLD: Clock = Clock::Shifted { start: 5, monotonic: 1_000_000_000_000_000 };

fn verdict(after: &str, at: Option<&str>, clock: Clock) -> Verdict {
    let host =
        HostOptions { wasi: Some(WasiOptions { clock, ..WasiOptions::default() }), ..HostOptions::default() };
    let options = Options {
        init_functions: vec!["program".into()],
        at: at.map(|at| at.parse().unwrap()),
        rebase_clock: Some(true),
        host: host.clone(),
        ..Options::default()
    };
    let wasm = program(after);
    let snapshot = Preinit::from(options.clone()).run(&wasm).unwrap().wasm;
    let options = VerifyOptions {
        init_functions: options.init_functions,
        at: options.at,
        host,
        engines: vec![Compiler::Cranelift],
        scripts: vec![Script::parse("since()\nsince()").unwrap()],
        sequences: 2,
        ..VerifyOptions::default()
    };
    verify(&wasm, &snapshot, &options).unwrap()
}

#[test]
fn whatever_comes_after_the_place_is_equal() {
    let read = |id: u32| format!("(call $read (i32.const {id}))");
    let wait =
        |id: u32, flags: u32, time: &str| format!("(call $wait (i32.const {id}) (i32.const {flags}) {time})");
    let until = "(i64.add (global.get $then) (i64.const 7000))";
    // Monotonic, real, that of the process and that of the thread; waits for and until a time.
    let steps = [
        read(1),
        read(0),
        read(2),
        read(3),
        wait(1, 0, "(i64.const 5000)"),
        wait(1, 1, until),
        wait(0, 0, "(i64.const 5000)"),
        wait(0, 1, "(i64.const 946684800000009000)"),
        wait(2, 0, "(i64.const 5000)"),
    ];
    let mut afters = vec![String::new()];
    for first in &steps {
        afters.push(first.clone());
        afters.extend(steps.iter().map(|second| format!("{first} {second}")));
    }
    for clock in [Clock::Fixed(5), OLD] {
        for after in &afters {
            let verdict = verdict(after, Some("export:mark"), clock);
            assert_eq!(verdict.outcome, Outcome::Equal, "{after}, {clock:?}: {verdict}");
        }
        let verdict = verdict("", None, clock);
        assert_eq!(verdict.outcome, Outcome::Equal, "{clock:?}: {verdict}");
    }
}

/// What shifts the clock becomes a stub where only init has read it. Nothing names its globals then, so they are no difference; they
/// are not what this state needs either.
#[test]
fn a_clock_that_only_init_has_read_may_be_stripped() {
    let wasm = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "init") (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 0))))
            (func (export "query") (result i64) (i64.load (i32.const 0))))"#,
    )
    .unwrap();
    let host = HostOptions { wasi: Some(WasiOptions::default()), ..HostOptions::default() };
    for (strip, outcome) in [(true, Outcome::CouldNotTell), (false, Outcome::Equal)] {
        let options = Options {
            init_functions: vec!["init".into()],
            rebase_clock: Some(true),
            strip_init: strip,
            host: host.clone(),
            ..Options::default()
        };
        let snapshot = Preinit::from(options).run(&wasm).unwrap().wasm;
        let options = VerifyOptions {
            init_functions: vec!["init".into()],
            host: host.clone(),
            engines: vec![Compiler::Cranelift],
            scripts: vec![Script::parse("query()").unwrap()],
            ..VerifyOptions::default()
        };
        let of = |snapshot: &[u8]| verify(&wasm, snapshot, &options).unwrap();
        let verdict = of(&snapshot);
        assert_eq!(verdict.outcome, outcome, "{strip}: {verdict}");
        // A third global is nobody's.
        let printed = wasmprinter::print_bytes(&snapshot).unwrap();
        let more = printed.replacen("(export ", "(global (mut i64) i64.const 0)\n  (export ", 1);
        let verdict = of(&wat::parse_str(more).unwrap());
        assert_eq!(verdict.outcome, Outcome::Different, "{strip}: {verdict}");
    }
}
