//! Clocks of components, which go on wherever they are read.

use super::running::Running;
use preinit::host::WasiOptions;
use preinit::stages::component::{Component, is_clock_module, with_shifted_clock};
use preinit::stages::module::Module;
use preinit::{InitResult, Output, Preinit, Warning, wat_to_wasm};

/// The interface, as components import it.
pub const CLOCK: &str = r#"
    (import "wasi:io/poll@0.2.0" (instance $poll
      (export "pollable" (type $p (sub resource)))
      (export "[method]pollable.block" (func (param "self" (borrow $p))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $c
      (alias outer 1 $pollable (type $p0))
      (export "pollable" (type $p (eq $p0)))
      (export "now" (func (result u64)))
      (export "resolution" (func (result u64)))
      (export "subscribe-instant" (func (param "when" u64) (result (own $p))))
      (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))"#;

/// A component whose core modules have the clock as `$now`; `init` and `since` are of the last of them.
pub fn component(modules: &str, last: &str) -> String {
    format!(
        r#"(component {CLOCK}
            (core func $now (canon lower (func $c "now")))
            (core module $mem (memory (export "memory") 1))
            (core instance $mem (instantiate $mem))
            (core module $adapter
              (import "env" "memory" (memory 1))
              (import "c" "now" (func $now (result i64)))
              (global $internal_state_ptr (mut i32) (i32.const 0))
              (global $allocation_state (mut i32) (i32.const 0))
              (func (export "clock_time_get") (param i32 i64 i32) (result i32)
                (i64.store (local.get 2) (call $now)) (i32.const 0)))
            (core instance $adapter (instantiate $adapter
              (with "env" (instance $mem)) (with "c" (instance (export "now" (func $now))))))
            {modules}
            (func (export "init") (canon lift (core func ${last} "init")))
            (func (export "since") (result s64) (canon lift (core func ${last} "since"))))"#
    )
}

/// A core module that reads the clock, then calls what it is given. `since` is what has gone by since `init` by its own readings and
/// by those of what it is given, whichever is further from nothing.
pub fn reader(name: &str, (export, next): (&str, &str)) -> String {
    format!(
        r#"(core module ${name}
              (import "env" "memory" (memory 1))
              (import "next" "init" (func $next))
              (import "next" "since" (func $others (result i64)))
              (import "wasi_snapshot_preview1" "clock_time_get" (func $read (param i32 i64 i32) (result i32)))
              {export}
              (global $then (mut i64) (i64.const 0))
              (func $now (result i64)
                (drop (call $read (i32.const 1) (i64.const 0) (i32.const 8)))
                (i64.load (i32.const 8)))
              (func $mark (export "mark-{name}"))
              (func (export "init") (global.set $then (call $now)) (call $next) (call $mark))
              (func (export "since") (result i64) (local $own i64) (local $other i64)
                (local.set $own (i64.sub (call $now) (global.get $then)))
                (local.set $other (call $others))
                (select (local.get $other) (local.get $own)
                  (i64.gt_u (i64.add (local.get $other) (i64.const 1000000000))
                    (i64.add (local.get $own) (i64.const 1000000000))))))
           (core instance ${name} (instantiate ${name} (with "env" (instance $mem)) (with "next" (instance ${next}))
              (with "wasi_snapshot_preview1" (instance $adapter))))"#
    )
}

/// The same by the interface, under any name.
pub fn direct(name: &str, (argument, next): (&str, &str)) -> String {
    reader(name, ("", next))
        .replace(
            r#"(import "wasi_snapshot_preview1" "clock_time_get" (func $read (param i32 i64 i32) (result i32)))"#,
            &format!(r#"(import "{argument}" "now" (func $now (result i64)))"#),
        )
        .replace(
            r#"(func $now (result i64)
                (drop (call $read (i32.const 1) (i64.const 0) (i32.const 8)))
                (i64.load (i32.const 8)))"#,
            "",
        )
        .replace(
            r#"(with "wasi_snapshot_preview1" (instance $adapter))"#,
            &format!(r#"(with "{argument}" (instance (export "now" (func $now))))"#),
        )
}

pub const NOTHING: &str = r#"(core module $nothing (func (export "init")) (func (export "since") (result i64) (i64.const 0)))
    (core instance $nothing (instantiate $nothing))"#;
pub const SHOWN: &str = r#"(export "memory" (memory 0))"#;
const HANDED_OVER: &str = "it is handed over to another component, which would see the host's";
pub const INTERFACE: &str = "wasi:clocks/monotonic-clock@0.2.0";

fn made(wat: &str, preinit: Preinit) -> Result<Output, preinit::Error> {
    let preinit = preinit.wasi(WasiOptions::default()).init_function("init");
    preinit.run(&wat_to_wasm(wat.as_bytes()).unwrap())
}

#[track_caller]
fn refused(wat: &str, why: &str) {
    let error = made(wat, Preinit::new().rebase_clock(true)).map(drop).unwrap_err();
    assert_eq!(error.to_string(), format!("the monotonic clock cannot be shifted: {why}"));
    assert!(error.is_refusal());
    // Nobody has asked for it here.
    let frozen = made(wat, Preinit::new().at("export:mark-m".parse().unwrap())).unwrap().report;
    assert!(frozen.monotonic_clock.is_none());
    assert!(frozen.warnings.iter().any(|warning| matches!(warning, Warning::ClockNotRebased(_))));
}

/// Nanoseconds that have gone by since init, as an instance sees it.
fn since(output: &Output) -> i64 {
    let result = Running::start(&output.wasm, &[]).run("since");
    let number = result.trim_start_matches("[S64(").trim_end_matches(")]");
    number.parse().unwrap_or_else(|_| panic!("{result}"))
}

/// Time in an instance, of which there were some readings since init began.
const SOON: std::ops::Range<i64> = 0..60_000_000_000;

/// The clock of the build, which init sees. That of an instance begins at nothing.
const START: u64 = 1_000_000_000_000_000;

#[track_caller]
fn goes_on(wat: &str) -> Output {
    let clock = preinit::host::Clock::Shifted { start: 0, monotonic: START };
    let of_build = |preinit: Preinit| {
        let wasi = WasiOptions { clock, ..WasiOptions::default() };
        let wasm = wat_to_wasm(wat.as_bytes()).unwrap();
        preinit.wasi(wasi).init_function("init").run(&wasm).unwrap()
    };
    let begins_anew = of_build(Preinit::new().rebase_clock(false));
    assert!(begins_anew.report.monotonic_clock.is_none());
    assert!(since(&begins_anew) < -(START as i64) / 2);
    let goes_on = of_build(Preinit::new().rebase_clock(true));
    assert!(goes_on.report.monotonic_clock.is_some_and(|clock| clock >= START));
    assert!(SOON.contains(&since(&goes_on)), "{}", since(&goes_on));
    goes_on
}

#[test]
fn of_one_module_it_goes_on() {
    goes_on(&component(&(NOTHING.to_string() + &reader("m", (SHOWN, "nothing"))), "m"));
    // Without a memory by which the core module could do it.
    goes_on(&component(&(NOTHING.to_string() + &reader("m", ("", "nothing"))), "m"));
    // By the interface itself, whatever the core module calls it.
    for argument in [INTERFACE, "env2"] {
        goes_on(&component(&(NOTHING.to_string() + &direct("m", (argument, "nothing"))), "m"));
    }
}

/// They have one clock, whichever way each reads it, and whoever reads it first.
#[test]
fn of_several_modules_it_goes_on() {
    let (a, b) = (reader("a", (SHOWN, "nothing")), reader("b", (SHOWN, "a")));
    goes_on(&component(&(NOTHING.to_string() + &a + &b), "b"));
    let b = direct("b", (INTERFACE, "a"));
    goes_on(&component(&(NOTHING.to_string() + &a + &b), "b"));
    let (a, b) = (direct("a", (INTERFACE, "nothing")), direct("b", ("other", "a")));
    let output = goes_on(&component(&(NOTHING.to_string() + &a + &b), "b"));
    // It is that of the component that goes on from there.
    let again = Preinit::new().rebase_clock(true).init_function("since").keep_init_functions(true);
    let again = again.init_result(InitResult::Any);
    let again = again.wasi(WasiOptions::default()).run(&output.wasm).unwrap();
    assert!(again.report.monotonic_clock.is_some());
    assert!(SOON.contains(&since(&again)), "{}", since(&again));
}

#[test]
fn it_goes_on_at_a_place() {
    let wat = component(&(NOTHING.to_string() + &direct("m", (INTERFACE, "nothing"))), "m");
    let frozen = made(&wat, Preinit::new().at("export:mark-m".parse().unwrap())).unwrap();
    assert!(frozen.report.monotonic_clock.is_some() && frozen.report.warnings.is_empty());
}

/// A time that init has planned comes when it was planned, and not after all the time of the build.
#[test]
fn planned_times_are_the_hosts() {
    let wat = format!(
        r#"(component {CLOCK}
            (alias export $c "subscribe-instant" (func $subscribe))
            (core func $subscribe (canon lower (func $subscribe)))
            (core func $resolution (canon lower (func $c "resolution")))
            (core func $block (canon lower (func $poll "[method]pollable.block")))
            (alias export $c "now" (func $now))
            (core func $now (canon lower (func $now)))
            (core module $m
              (import "c" "now" (func $now (result i64)))
              (import "c" "resolution" (func $resolution (result i64)))
              (import "c" "subscribe" (func $subscribe (param i64) (result i32)))
              (import "c" "block" (func $block (param i32)))
              (global $planned (mut i64) (i64.const 0))
              (func (export "init")
                (drop (call $resolution))
                (global.set $planned (i64.add (call $now) (i64.const 5000000))))
              (func (export "since") (result i64)
                (call $block (call $subscribe (global.get $planned)))
                (call $block (call $subscribe (i64.const 0)))
                (i64.sub (call $now) (global.get $planned))))
            (core instance $m (instantiate $m (with "c" (instance
              (export "now" (func $now)) (export "resolution" (func $resolution))
              (export "subscribe" (func $subscribe)) (export "block" (func $block))))))
            (func (export "init") (canon lift (core func $m "init")))
            (func (export "since") (result s64) (canon lift (core func $m "since"))))"#
    );
    let clock = preinit::host::Clock::Shifted { start: 0, monotonic: START };
    let wasi = WasiOptions { clock, ..WasiOptions::default() };
    let preinit = Preinit::new().rebase_clock(true).wasi(wasi).init_function("init");
    let output = preinit.run(&wat_to_wasm(wat.as_bytes()).unwrap()).unwrap();
    assert!(output.report.monotonic_clock.is_some());
    let started = std::time::Instant::now();
    assert!(SOON.contains(&since(&output)));
    assert!(started.elapsed().as_nanos() >= 5_000_000);
}

/// What comes later has other numbers then: core modules, functions, core functions, core instances, destructors, names.
#[test]
fn later_numbers_move() {
    let modules = NOTHING.to_string()
        + &direct("m", (INTERFACE, "nothing"))
        + r#"(core module $late (func (export "drop") (param i32)) (func (export "seven") (result i32) (i32.const 7)))
             (core instance $late (instantiate $late))
             (type $r (resource (rep i32) (dtor (func $late "drop"))))
             (core func $new (canon resource.new $r))
             (core func $drop (canon resource.drop $r))
             (core func $again (canon lower (func $c "now")))
             (core module $last (import "l" "seven" (func $seven (result i32)))
               (import "l" "again" (func (result i64)))
               (import "l" "new" (func $new (param i32) (result i32))) (import "l" "drop" (func $drop (param i32)))
               (func (export "seven") (result i32) (call $drop (call $new (i32.const 1))) (call $seven)))
             (alias core export $late "seven" (core func $seven))
             (core instance $last (instantiate $last (with "l" (instance (export "seven" (func $seven))
               (export "again" (func $again)) (export "new" (func $new)) (export "drop" (func $drop))))))
             (func $lifted (result u32) (canon lift (core func $last "seven")))
             (component $inner (import "f" (func $f (result u32))) (export "g" (func $f)))
             (instance $inner (instantiate $inner (with "f" (func $lifted))))
             (export "seven" (func $inner "g"))"#;
    let output = goes_on(&component(&modules, "m"));
    assert_eq!(Running::start(&output.wasm, &[]).run("seven"), "[U32(7)]");
}

#[test]
fn another_component_with_the_clock_is_refused() {
    let modules = NOTHING.to_string() + &direct("m", (INTERFACE, "nothing"));
    let own = format!("{modules}\n(component $k (import \"f\" (func (result u64))))");
    let handed = r#"(instance (instantiate $k (with "f" (func $c "now"))))"#;
    refused(&component(&format!("{own} {handed}"), "m"), HANDED_OVER);
    for handed in [
        r#"(export "clock" (instance $c))"#,
        r#"(instance (export "now" (func $c "now")))"#,
        r#"(instance (export "clock" (instance $c)))"#,
    ] {
        let wat = component(&format!("{modules} {handed}"), "m");
        let error = with_shifted_clock(&wat_to_wasm(wat.as_bytes()).unwrap(), 1).unwrap_err();
        assert_eq!(error.to_string(), format!("the monotonic clock cannot be shifted: {HANDED_OVER}"));
    }
}

/// What takes a time of the clock in a way that is not known, or could be another clock.
#[test]
fn other_versions_are_refused() {
    let wat = component(&(NOTHING.to_string() + &direct("m", (INTERFACE, "nothing"))), "m");
    let with = |wat: &str| with_shifted_clock(&wat_to_wasm(wat.as_bytes()).unwrap(), 1);
    assert!(with(&wat).unwrap().is_some());
    let at = "(core func $now ";
    let later = wat.replace(r#"(export "subscribe-duration""#, r#"(export "wait-until""#);
    let later = later.replacen(at, &format!(r#"(alias export $c "wait-until" (func)) {at}"#), 1);
    let another =
        r#"(import "wasi:clocks/monotonic-clock@0.2.3" (instance (export "now" (func (result u64)))))"#;
    let another = wat.replacen(at, &format!("{another} {at}"), 1);
    let none = wat.replacen("wasi:clocks/monotonic-clock", "wasi:clocks/other", 1);
    for (wat, why) in [
        (later, "its function `wait-until` is not one that can be shifted"),
        (another, "the component imports two versions of it"),
        (none, "the component does not import `wasi:clocks/monotonic-clock`"),
    ] {
        let error = with(&wat).map(drop).unwrap_err().to_string();
        assert_eq!(error, format!("the monotonic clock cannot be shifted: {why}"));
    }
}

/// What an instance waits before it reads the clock for the first time has gone by then.
#[test]
fn waiting_is_time() {
    const WAITED: i64 = 20_000_000;
    let module = format!(
        r#"(core func $for (canon lower (func $c "subscribe-duration")))
            (core func $block (canon lower (func $poll "[method]pollable.block")))
            (core func $drop (canon resource.drop $pollable))
            (core module $m
              (import "c" "now" (func $now (result i64)))
              (import "c" "for" (func $for (param i64) (result i32)))
              (import "c" "block" (func $block (param i32)))
              (import "c" "drop" (func $drop (param i32)))
              (global $then (mut i64) (i64.const 0))
              (func (export "init") (global.set $then (call $now)))
              (func (export "since") (result i64) (local $timer i32)
                (call $block (local.tee $timer (call $for (i64.const {WAITED}))))
                (call $drop (local.get $timer))
                (i64.sub (call $now) (global.get $then))))
            (core instance $m (instantiate $m (with "c" (instance (export "now" (func $now))
              (export "for" (func $for)) (export "block" (func $block)) (export "drop" (func $drop))))))"#
    );
    let waited = since(&goes_on(&component(&module, "m")));
    assert!(waited >= WAITED, "{waited}");
    // Whoever else may wait is not seen by the module.
    let handed = r#"(component $k (import "p" (type $p (sub resource)))
          (import "f" (func (param "when" u64) (result (own $p)))))
        (instance (instantiate $k (with "p" (type $pollable)) (with "f" (func $c "subscribe-duration"))))"#;
    let wat = component(&format!("{module} {handed}"), "m");
    let error = with_shifted_clock(&wat_to_wasm(wat.as_bytes()).unwrap(), 1).unwrap_err();
    assert_eq!(error.to_string(), format!("the monotonic clock cannot be shifted: {HANDED_OVER}"));
}

/// Whoever only waits needs no time of it.
#[test]
fn durations_need_no_shift() {
    let wat = format!(
        r#"(component {CLOCK}
            (core func $for (canon lower (func $c "subscribe-duration")))
            (core func $block (canon lower (func $poll "[method]pollable.block")))
            (core func $drop (canon resource.drop $pollable))
            (core module $m
              (import "c" "for" (func $for (param i64) (result i32)))
              (import "c" "block" (func $block (param i32)))
              (import "c" "drop" (func $drop (param i32)))
              (func (export "init") (local $timer i32)
                (call $block (local.tee $timer (call $for (i64.const 1000))))
                (call $drop (local.get $timer))))
            (core instance $m (instantiate $m (with "c" (instance
              (export "for" (func $for)) (export "block" (func $block)) (export "drop" (func $drop))))))
            (func (export "init") (canon lift (core func $m "init"))))"#
    );
    let report = made(&wat, Preinit::new().rebase_clock(true)).unwrap().report;
    assert!(report.monotonic_clock.is_none() && report.warnings.is_empty(), "{:?}", report.warnings);
}

/// Whoever has a function of the clock by another way, beside one who reads it by preview 1, has the same clock.
#[test]
fn of_a_reader_through_a_table_it_goes_on() {
    let through = r#"
        (core module $table (table (export "t") 1 funcref))
        (core instance $table (instantiate $table))
        (core module $fill (import "t" "t" (table 1 funcref)) (import "f" "f" (func $f (result i64)))
          (elem (i32.const 0) $f))
        (core instance (instantiate $fill (with "t" (instance $table)) (with "f" (instance (export "f" (func $now))))))
        (core module $through
          (import "t" "t" (table 1 funcref))
          (type $now (func (result i64)))
          (global $then (mut i64) (i64.const 0))
          (func (export "init") (global.set $then (call_indirect (type $now) (i32.const 0))))
          (func (export "since") (result i64)
            (i64.sub (call_indirect (type $now) (i32.const 0)) (global.get $then))))
        (core instance $through (instantiate $through (with "t" (instance $table))))"#;
    let output = goes_on(&component(&(through.to_string() + &reader("m", (SHOWN, "through"))), "m"));
    assert!(has_clock_module(&output.wasm));
}

#[test]
fn of_functions_by_other_names_it_goes_on() {
    // Nobody hands over a time to it.
    let others = r#"(import "next" "since" (func $others (result i64)))"#;
    let alone = reader("m", (SHOWN, "nothing")).replace(others, "");
    let alone = alone.replace("(global $then", "(func $others (result i64) (i64.const 0)) (global $then");
    let one = NOTHING.to_string() + &alone;
    assert!(!has_clock_module(&goes_on(&component(&one, "m")).wasm));
    let waits = r#"(core func $subscribe (canon lower (func $c "subscribe-instant")))
        (core module $waits (import "f" "f" (func $f (param i64) (result i32)))
          (func (export "wait") (drop (call $f (i64.const 0)))))
        (core instance (instantiate $waits (with "f" (instance (export "f" (func $subscribe))))))"#;
    let lifts = r#"(func (export "time") (result u64) (canon lift (core func $now)))"#;
    let by_adapter = r#"(core module $k (import "f" "f" (func $f (param i32 i64 i32) (result i32)))
          (func (export "read") (result i32) (call $f (i32.const 1) (i64.const 0) (i32.const 64))))
        (core instance (instantiate $k
          (with "f" (instance (export "f" (func $adapter "clock_time_get"))))))"#;
    for other in [waits, lifts, by_adapter] {
        let output = goes_on(&component(&format!("{one} {other}"), "m"));
        assert!(has_clock_module(&output.wasm), "{other}");
    }
}

pub fn has_clock_module(wasm: &[u8]) -> bool {
    let component = Component::parse(wasm).unwrap();
    component.modules().iter().any(|module| is_clock(module.bytes))
}

pub fn is_clock(module: &[u8]) -> bool {
    is_clock_module(&Module::parse(module).unwrap())
}
