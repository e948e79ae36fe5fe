//! The verifier on components whose clock a core module of their own shifts.

use super::clocks::{
    CLOCK, INTERFACE, NOTHING, SHOWN, component, direct, has_clock_module, is_clock, reader,
};
use super::verify_custom_sections::with_longer_numbers;
use preinit::host::{Clock, HostOptions, WasiOptions};
use preinit::stages::component::Component;
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Output, Preinit, wat_to_wasm};

/// A module that reads the clock by the interface, frozen in `mark-m` and read again after it, and what a verdict
/// on it needs.
fn frozen() -> (Vec<u8>, Output, VerifyOptions) {
    let module =
        direct("m", (INTERFACE, "nothing")).replace("(call $mark))", "(call $mark) (drop (call $now)))");
    let wat = component(&(NOTHING.to_string() + &module), "m");
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap().into_owned();
    let wasi = WasiOptions::default();
    let at = "export:mark-m";
    let preinit = Preinit::new().at(at.parse().unwrap()).wasi(wasi.clone()).init_function("init");
    let output = preinit.run(&wasm).unwrap();
    let options = VerifyOptions {
        init_functions: vec!["init".into()],
        at: Some(at.parse().unwrap()),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        scripts: vec![Script::parse("since()\ninit()").unwrap()],
        ..VerifyOptions::default()
    };
    (wasm, output, options)
}

/// The module is accounted for byte for byte, also where names were taken off.
#[test]
fn verify_makes_it_once_more() {
    let (wasm, output, options) = frozen();
    assert!(has_clock_module(&output.wasm));
    let verdict = verify(&wasm, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let component = Component::parse(&output.wasm).unwrap();
    let bare = component.without_custom_sections(&vec![None; component.modules().len()]);
    let verdict = verify(&wasm, &bare, &options).unwrap();
    assert_ne!(verdict.outcome, Outcome::Different, "{verdict}");
    let at = component.modules().iter().position(|module| is_clock(module.bytes)).unwrap();
    let longer = with_longer_numbers(component.modules()[at].bytes);
    let mut modules = vec![None; component.modules().len()];
    modules[at] = Some(&longer[..]);
    let verdict = verify(&wasm, &component.with_modules(&modules), &options).unwrap();
    assert_ne!(verdict.outcome, Outcome::Different, "{verdict}");
    // Another number in it.
    let mut bytes = component.modules()[at].bytes.to_vec();
    let code = bytes.windows(2).rposition(|pair| pair == [0x7c, 0x0b]).unwrap();
    bytes[code] = 0x7d;
    let mut modules = vec![None; component.modules().len()];
    modules[at] = Some(&bytes[..]);
    let faulty = component.with_modules(&modules);
    let verdict = verify(&wasm, &faulty, &options);
    assert!(!verdict.is_ok_and(|verdict| verdict.outcome == Outcome::Equal));
}

/// Without a place too: `init` is what the frozen one goes on with.
#[test]
fn a_snapshot_of_another_sort_is_not_equal() {
    let (wasm, output, options) = frozen();
    let verdict = verify(&wasm, &output.wasm, &VerifyOptions { at: None, ..options }).unwrap();
    assert_ne!(verdict.outcome, Outcome::Equal, "{verdict}");
}

/// A module that reads the clock in `init`, calls `mark`, and goes on with `after`; `since` and `wait` are for later calls.
fn waiter(after: &str) -> String {
    format!(
        r#"(component {CLOCK}
            (alias export $c "subscribe-instant" (func $instant))
            (alias export $c "subscribe-duration" (func $duration))
            (core func $now (canon lower (func $c "now")))
            (core func $instant (canon lower (func $instant)))
            (core func $duration (canon lower (func $duration)))
            (core func $block (canon lower (func $poll "[method]pollable.block")))
            (core func $drop (canon resource.drop $pollable))
            (core module $m
              (import "c" "now" (func $now (result i64)))
              (import "c" "instant" (func $instant (param i64) (result i32)))
              (import "c" "duration" (func $duration (param i64) (result i32)))
              (import "c" "block" (func $block (param i32)))
              (import "c" "drop" (func $drop (param i32)))
              (global $then (mut i64) (i64.const 0))
              (func $wait (param $timer i32) (call $block (local.get $timer)) (call $drop (local.get $timer)))
              (func $for (call $wait (call $duration (i64.const 5000))))
              (func $until (call $wait (call $instant (i64.add (global.get $then) (i64.const 7000)))))
              (func $read (global.set $then (call $now)))
              (func $mark (export "mark"))
              (func (export "init") (call $read) (call $mark) {after})
              (func (export "since") (result i64) (i64.sub (call $now) (global.get $then)))
              (func (export "wait") (call $for)))
            (core instance $m (instantiate $m (with "c" (instance
              (export "now" (func $now)) (export "instant" (func $instant)) (export "duration" (func $duration))
              (export "block" (func $block)) (export "drop" (func $drop))))))
            (func (export "init") (canon lift (core func $m "init")))
            (func (export "wait") (canon lift (core func $m "wait")))
            (func (export "since") (result s64) (canon lift (core func $m "since"))))"#
    )
}

/// The component, its snapshot, and what a verdict on it needs.
fn made(wat: &str, at: Option<&str>, clock: Clock, edit: impl Fn(Preinit) -> Preinit) -> Verdict {
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap().into_owned();
    let wasi = WasiOptions { clock, ..WasiOptions::default() };
    let options = VerifyOptions {
        init_functions: vec!["init".into()],
        at: at.map(|at| at.parse().unwrap()),
        host: HostOptions { wasi: Some(wasi.clone()), ..HostOptions::default() },
        engines: vec![Compiler::Cranelift],
        scripts: vec![Script::parse("since()\nwait()\nsince()\ninit()\nsince()").unwrap()],
        sequences: 4,
        ..VerifyOptions::default()
    };
    let mut preinit = Preinit::new().wasi(wasi).init_function("init").keep_init_functions(true);
    if let Some(at) = at {
        preinit = preinit.at(at.parse().unwrap());
    }
    let output = edit(preinit).run(&wasm).unwrap();
    verify(&wasm, &output.wasm, &options).unwrap()
}

/// A clock that is young when it is frozen, and one that is old.
const CLOCKS: [Clock; 2] = [Clock::Fixed(5), Clock::Shifted { start: 5, monotonic: 1_000_000_000_000_000 }];

/// What comes after the place: nothing, and all sequences of readings and waits.
fn afters() -> Vec<Vec<&'static str>> {
    let steps = ["(call $read)", "(call $for)", "(call $until)"];
    let mut all = vec![Vec::new()];
    for len in 0..2 {
        let shorter: Vec<Vec<&str>> = all.iter().filter(|after| after.len() == len).cloned().collect();
        for after in shorter {
            all.extend(steps.map(|step| [after.as_slice(), &[step]].concat()));
        }
    }
    all
}

#[test]
fn whatever_comes_after_the_place_is_equal() {
    for clock in CLOCKS {
        for after in afters() {
            let wat = waiter(&after.concat());
            let verdict = made(&wat, Some("export:mark"), clock, |preinit| preinit);
            assert_eq!(verdict.outcome, Outcome::Equal, "{after:?}, {clock:?}: {verdict}");
            // Nobody goes on from there: an old clock that is young again shows, if it is read.
            let verdict = made(&wat, Some("export:mark"), clock, |preinit| preinit.rebase_clock(false));
            let expected = if clock == CLOCKS[0] { Outcome::Equal } else { Outcome::Different };
            assert_eq!(verdict.outcome, expected, "{after:?}, {clock:?}: {verdict}");
        }
    }
}

#[test]
fn after_init_it_is_equal() {
    for clock in CLOCKS {
        let verdict = made(&waiter(""), None, clock, |preinit| preinit.rebase_clock(true));
        assert_eq!(verdict.outcome, Outcome::Equal, "{clock:?}: {verdict}");
        let verdict = made(&waiter(""), None, clock, |preinit| preinit.rebase_clock(false));
        let expected = if clock == CLOCKS[0] { Outcome::Equal } else { Outcome::Different };
        assert_eq!(verdict.outcome, expected, "{clock:?}: {verdict}");
    }
}

/// By preview 1, through an adapter: the core module that reads the clock shifts it, or, if another could be handed over a time, one
/// for all.
#[test]
fn readers_are_equal() {
    let reader = reader("m", (SHOWN, "nothing"));
    let others = r#"(import "next" "since" (func $others (result i64)))"#;
    let alone = reader.replace(others, "");
    let alone = alone.replace("(global $then", "(func $others (result i64) (i64.const 0)) (global $then");
    assert_ne!(alone, reader);
    for (reader, after) in [(&alone, ""), (&alone, "(drop (call $now)) (drop (call $now))"), (&reader, "")] {
        let modules = reader.replace("(call $mark))", &format!("(call $mark) {after})"));
        let wat = component(&(NOTHING.to_string() + &modules), "m").replace(
            r#"(func (export "since") (result s64)"#,
            r#"(core module $none (func (export "wait"))) (core instance $none (instantiate $none))
               (func (export "wait") (canon lift (core func $none "wait")))
               (func (export "since") (result s64)"#,
        );
        for clock in CLOCKS {
            for at in [Some("export:mark-m"), None] {
                let verdict = made(&wat, at, clock, |preinit| preinit.rebase_clock(true));
                assert_eq!(verdict.outcome, Outcome::Equal, "{after}, {clock:?}, {at:?}: {verdict}");
            }
        }
    }
}
