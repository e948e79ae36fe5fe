//! The monotonic clock begins anew in every instance. What init has read of it is said, and an instance's readings can go on
//! from there: whoever calls the host, by whatever way. The snapshots run on a stock engine with its own, real clocks.

use preinit::host::{HostOptions, WasiOptions};
use preinit::verify::{Outcome, Script, VerifyOptions};
use preinit::{Options, Output, Preinit, Warning};
use preinit_testing::guest::{Guest, World, compile};
use preinit_testing::random;
use std::time::{Duration, Instant};
use wasmtime::Engine;

const SECOND: i64 = 1_000_000_000;

/// What init waits, and the deadlines that it plans from then.
const WAITED: i64 = 100 * SECOND;

/// Reads the clock in every way that a module has, and waits.
const MODULE: &str = r#"(module
        (type $reading (func (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (type $reading)))
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (table (export "table") 4 funcref)
        (elem (i32.const 1) $clock $by_call $clock)
        (global $kept (ref func) (ref.func $clock))
        (global $last (mut i64) (i64.const 0))
        (func $by_call (type $reading) (call $clock (local.get 0) (local.get 1) (local.get 2)))
        (func $by_tail_call (type $reading) (return_call $clock (local.get 0) (local.get 1) (local.get 2)))
        (func $by_reference (type $reading)
            (call_ref $reading (local.get 0) (local.get 1) (local.get 2)
                (ref.cast (ref $reading) (ref.func $clock))))
        (func $by_tail_reference (type $reading)
            (return_call_ref $reading (local.get 0) (local.get 1) (local.get 2)
                (ref.cast (ref $reading) (global.get $kept))))
        ;; Reads clock $id by way $way, and gives the reading, or the error's number below zero.
        (func $read (export "read") (param $id i32) (param $way i32) (result i64) (local $errno i32)
            (block $done (block $3 (block $2 (block $1 (block $0
                (br_table $0 $1 $2 $3 (local.get $way)))
                (br $done (local.set $errno (call $by_call (local.get $id) (i64.const 0) (i32.const 64)))))
                (br $done (local.set $errno (call $by_tail_call (local.get $id) (i64.const 0) (i32.const 64)))))
                (br $done (local.set $errno (call $by_reference (local.get $id) (i64.const 0) (i32.const 64)))))
                (br $done
                    (local.set $errno (call $by_tail_reference (local.get $id) (i64.const 0) (i32.const 64)))))
            (if (i32.ge_u (local.get $way) (i32.const 4)) (then
                (local.set $errno (call_indirect (type $reading) (local.get $id) (i64.const 0) (i32.const 64)
                    (i32.sub (local.get $way) (i32.const 3))))))
            (if (local.get $errno) (then (return (i64.extend_i32_s (i32.sub (i32.const 0) (local.get $errno))))))
            (i64.load (i32.const 64)))
        (export "exported" (func $clock))
        ;; Waits for the clock: $flags 1 is until a time, 0 is for a time.
        (func $wait (export "wait") (param $flags i32) (param $time i64) (result i32)
            (memory.fill (i32.const 128) (i32.const 0) (i32.const 96))
            (i64.store (i32.const 128) (i64.const 7))
            (i32.store (i32.const 144) (i32.const 1))
            (i64.store (i32.const 152) (local.get $time))
            (i32.store16 (i32.const 168) (local.get $flags))
            ;; and for an hour by the other clock
            (i64.store (i32.const 176) (i64.const 8))
            (i64.store (i32.const 200) (i64.const 3600000000000))
            (call $poll (i32.const 128) (i32.const 512) (i32.const 2) (i32.const 72)))
        ;; Whether the subscription is as it was passed.
        (func (export "waited_for") (result i64) (i64.load (i32.const 152)))
        (func (export "event") (result i64) (i64.load (i32.const 512)))
        (func (export "last") (result i64) (global.get $last))
        (func (export "wait_after_last") (param $more i64) (result i32)
            (call $wait (i32.const 1) (i64.add (global.get $last) (local.get $more))))
        (func (export "preinit")
            (drop (call $wait (i32.const 0) (i64.const 100000000000)))
            (global.set $last (call $read (i32.const 1) (i32.const 0))))
        (func (export "reads_only") (global.set $last (call $read (i32.const 1) (i32.const 0)))))"#;

fn module() -> Vec<u8> {
    wat::parse_str(MODULE).unwrap()
}

/// The same for snapshot 0, whose subscriptions are longer; with so many of them.
fn snapshot0(subscriptions: u32) -> Vec<u8> {
    let mut text = MODULE.replace("wasi_snapshot_preview1", "wasi_unstable");
    for (from, to) in [(200, 216), (176, 184), (168, 176), (152, 160), (144, 152), (96, 112)] {
        text = text.replace(&format!("(i32.const {from})"), &format!("(i32.const {to})"));
    }
    let text = text
        .replace("(i32.const 512) (i32.const 2)", &format!("(i32.const 512) (i32.const {subscriptions})"));
    wat::parse_str(text).unwrap()
}

fn options(init: &str, rebase: bool) -> Options {
    Options {
        init_functions: vec![init.to_string()],
        host: HostOptions { wasi: Some(WasiOptions::default()), ..HostOptions::default() },
        rebase_clock: Some(rebase),
        ..Options::default()
    }
}

fn run(options: Options) -> Output {
    Preinit::from(options).run(&module()).unwrap()
}

fn instance(output: &Output) -> Guest {
    Guest::start(&compile(&Engine::default(), &output.wasm), &World::default(), &[])
}

fn long(guest: &mut Guest, name: &str, more: i64) -> i64 {
    guest.value_of(name, &[wasmtime::Val::I64(more)])
}

#[test]
fn every_run_says_that_the_clock_was_ahead() {
    let output = run(options("preinit", false));
    let finding = &output.report.findings[0];
    assert_eq!((finding.key.as_str(), output.report.findings.len()), ("clock.monotonic", 1));
    assert!(finding.title.contains("100.000 s, moved by sleeps"), "{}", finding.title);
    assert_eq!(output.report.monotonic_clock, None);
    let audit = preinit::audit::audit(&module(), &options("preinit", false)).unwrap();
    assert!(audit.findings.iter().any(|finding| finding.key == "clock.monotonic"));
    // A reading alone is before everything that an instance reads.
    assert!(run(options("reads_only", false)).report.findings.is_empty());
    let output = run(options("preinit", true));
    assert!(output.report.findings.is_empty());
    assert_eq!(output.report.monotonic_clock, Some(WAITED as u64 + 2));
    let mut without = instance(&run(options("preinit", false)));
    assert!(without.value_of("read", &[1.into(), 0.into()]) < WAITED, "that is what is warned of");
}

#[test]
fn readings_go_on_whoever_makes_them() {
    let output = run(options("preinit", true));
    for first in 0..7 {
        let ways = random::bytes(first, 40);
        let mut guest = instance(&output);
        let mut last = guest.value_of("last", &[]);
        assert!(last > WAITED);
        for way in [first as u8].into_iter().chain(ways).map(|way| i32::from(way % 7)) {
            let now = guest.value_of("read", &[1.into(), way.into()]);
            assert!(now > last && now < WAITED + 60 * SECOND, "way {way} gave {now} after {last}");
            last = now;
            // The real time is left alone, and so is an error.
            let real = guest.value_of("read", &[0.into(), way.into()]);
            assert!(real > 1_700_000_000 * SECOND, "{real}");
            assert!(guest.value_of("read", &[2.into(), way.into()]) <= 0);
        }
    }
}

/// The import that is exported again, by the host's hand.
#[test]
fn readings_of_others_go_on() {
    let mut guest = instance(&run(options("preinit", true)));
    let exported = [1.into(), wasmtime::Val::I64(0), 64.into()];
    assert_eq!(guest.value_of("exported", &exported), 0);
    let reading = guest.long_at(64);
    assert!(reading > WAITED, "{reading}");
    assert!(guest.value_of("read", &[1.into(), 0.into()]) > reading);
}

#[test]
fn waits_end_when_the_shifted_clock_says_so() {
    // Wasmtime answers snapshot 0 only for one subscription: it reads the next one at the place that preview 1 has it.
    for module in [module(), snapshot0(1)] {
        waits_end(&Preinit::from(options("preinit", true)).run(&module).unwrap());
    }
}

fn waits_end(output: &Output) {
    const SHORT: i64 = SECOND / 20;
    for read_first in [false, true] {
        let mut guest = instance(output);
        let last = guest.value_of("last", &[]);
        if read_first {
            guest.value_of("read", &[1.into(), 0.into()]);
        }
        let started = Instant::now();
        assert_eq!(long(&mut guest, "wait_after_last", SHORT), 0);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        assert!(read_first || started.elapsed() >= Duration::from_millis(40), "{:?}", started.elapsed());
        assert_eq!((guest.value_of("event", &[]), guest.value_of("waited_for", &[])), (7, last + SHORT));
        let now = guest.value_of("read", &[1.into(), 0.into()]);
        assert!(now >= last + SHORT, "{now}");
        // What is over is over.
        for past in [-last, -SECOND, 0] {
            let started = Instant::now();
            assert_eq!(long(&mut guest, "wait_after_last", past), 0);
            assert!(started.elapsed() < Duration::from_secs(5));
        }
        // For a time, and not until one.
        let before = guest.value_of("read", &[1.into(), 0.into()]);
        guest.value_of("wait", &[0.into(), wasmtime::Val::I64(SHORT)]);
        assert!(guest.value_of("read", &[1.into(), 0.into()]) >= before + SHORT);
    }
    // The time of a wait that comes before any reading counts.
    let mut guest = instance(output);
    let last = guest.value_of("last", &[]);
    guest.value_of("wait", &[0.into(), wasmtime::Val::I64(SHORT)]);
    assert!(guest.value_of("read", &[1.into(), 0.into()]) >= last + SHORT);
}

#[test]
fn verification_lets_the_snapshot_s_clock_begin_anew() {
    let scripts = [
        "read(1, 0)\nread(1, 5)\nwait(0, 1000)\nread(1, 1)",
        "wait_after_last(1000000000)\nread(1, 2)\nread(0, 3)",
        "read(0, 0)\nread(1, 4)\nwait(1, 5)\nread(1, 6)",
        "wait(0, 7)\nread(1, 3)",
    ];
    for (init, rebase, expected) in [
        ("preinit", true, Outcome::Equal),
        ("preinit", false, Outcome::Different),
        ("reads_only", true, Outcome::Equal),
        ("reads_only", false, Outcome::Equal),
    ] {
        let verify = VerifyOptions {
            init_functions: vec![init.to_string()],
            scripts: scripts.iter().map(|script| Script::parse(script).unwrap()).collect(),
            sequences: 4,
            ..VerifyOptions::default()
        };
        for module in [module(), snapshot0(2)] {
            let snapshot = Preinit::from(options(init, rebase)).run(&module).unwrap().wasm;
            let verdict = preinit::verify::verify(&module, &snapshot, &verify).unwrap();
            assert_eq!(verdict.outcome, expected, "{init} {rebase}: {verdict}");
        }
    }
}

#[test]
fn the_output_of_a_shifted_clock() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "preinit") (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 8))))
        (func (export "wait") (result i32)
            (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 16))))"#;
    let output = Preinit::from(options("preinit", true)).run(&wat::parse_str(text).unwrap()).unwrap();
    let printed = wasmprinter::print_bytes(&output.wasm).unwrap();
    insta::assert_snapshot!("rebased_clock", printed.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

/// Each thread would shift by something else.
#[test]
fn threads_keep_their_clock() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1 1 shared)
        (func (export "preinit") (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 8)))))"#;
    let output = Preinit::from(options("preinit", true)).run(&wat::parse_str(text).unwrap()).unwrap();
    assert!(
        matches!(output.report.warnings[..], [Warning::ClockNotRebased(_)]),
        "{:?}",
        output.report.warnings
    );
    assert_eq!(output.report.monotonic_clock, None);
}

/// A frozen program goes on by the clock that it has read, unless it is told otherwise.
#[test]
fn a_frozen_program_goes_on_by_its_clock() {
    let at = |trigger: &str, rebase_clock| Options {
        at: Some(trigger.parse().unwrap()),
        rebase_clock,
        ..options("twice", false)
    };
    let text = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func $now (result i64)
            (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 8))) (i64.load (i32.const 8)))
        (func (export "twice") (local i64 i64)
            (local.set 0 (call $now))
            (local.set 1 (call $now))
            (i64.store (i32.const 16) (i64.sub (call $now) (local.get 1)))
            (i64.store (i32.const 24) (i64.sub (local.get 1) (local.get 0)))))"#;
    let module = wat::parse_str(text).unwrap();
    for (calls, rebase) in [(1, None), (2, None), (3, None), (3, Some(true))] {
        let trigger = format!("wasi_snapshot_preview1.clock_time_get#{calls}");
        let output = Preinit::from(at(&trigger, rebase)).run(&module).unwrap();
        assert_eq!(output.report.monotonic_clock, (calls > 1).then_some(calls), "{calls}");
        let mut guest = instance(&output);
        guest.value_of("twice", &[]);
        assert!(guest.long_at(16) > 0 && guest.long_at(24) > 0, "time went backwards at {calls}");
        let verify = VerifyOptions {
            init_functions: vec!["twice".into()],
            at: Some(trigger.parse().unwrap()),
            ..VerifyOptions::default()
        };
        let verdict = preinit::verify::verify(&module, &output.wasm, &verify).unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    }
    let output =
        Preinit::from(at("wasi_snapshot_preview1.clock_time_get#3", Some(false))).run(&module).unwrap();
    assert_eq!(output.report.monotonic_clock, None);
}
