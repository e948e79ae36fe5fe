//! The verifier on components that were frozen: correct ones raise no alarm, faults in what resumes them are found.

use super::freezing::PROGRAM;
use super::host::entry;
use crate::mutations::dice::Dice;
use crate::mutations::plant::{Kind, plant};
use preinit::host::{HostOptions, Output, WasiOptions};
use preinit::stages::engine::Compiler;
use preinit::stages::module::Module;
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};
use preinit_core::component::Component;
use preinit_core::layout::Layout;
use preinit_testing::command_component::command;
use preinit_testing::test_program;

/// A component, and what it was frozen to.
struct Frozen {
    original: Vec<u8>,
    snapshot: Vec<u8>,
    options: VerifyOptions,
}

impl Frozen {
    fn new(original: Vec<u8>, (init, at): (&str, &str), edit: impl Fn(Preinit) -> Preinit) -> Frozen {
        let wasi = WasiOptions { stdout: Output::Discard, ..WasiOptions::default() };
        let preinit = Preinit::new().init_function(init).at(at.parse().unwrap()).wasi(wasi.clone());
        let snapshot = edit(preinit).run(&original).unwrap_or_else(|error| panic!("{at}: {error}")).wasm;
        let options = VerifyOptions {
            init_functions: vec![init.to_string()],
            at: Some(at.parse().unwrap()),
            host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
            engines: vec![Compiler::Cranelift],
            ..VerifyOptions::default()
        };
        Frozen { original, snapshot, options }
    }

    fn program(at: &str) -> Frozen {
        Frozen::new(wat_to_wasm(PROGRAM.as_bytes()).unwrap().into_owned(), ("run", at), |preinit| preinit)
    }

    fn command(program: &str, at: &str) -> Frozen {
        let wasm = command(&test_program(program));
        let run = entry(&wasm);
        Frozen::new(wasm, (&run, at), |preinit| preinit)
    }

    fn verdict(&self, snapshot: &[u8]) -> Verdict {
        verify(&self.original, snapshot, &self.options).unwrap()
    }

    #[track_caller]
    fn is_equal(&self) -> Verdict {
        let verdict = self.verdict(&self.snapshot);
        assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
        verdict
    }

    /// The snapshot with another core module in the place of one.
    fn with_module(&self, number: usize, module: &[u8]) -> Vec<u8> {
        let component = Component::parse(&self.snapshot).unwrap();
        let mut modules: Vec<Option<&[u8]>> = vec![None; component.modules().len()];
        modules[number] = Some(module);
        component.with_modules(&modules)
    }
}

#[test]
fn correct_ones_are_equal() {
    for at in ["env.f#1", "env.f(1000)", "export:run", "call:deep#100"] {
        let mut frozen = Frozen::program(at);
        frozen.options.scripts = vec![Script::parse("get(3)\nrun()\nget(0)").unwrap()];
        let verdict = frozen.is_equal();
        let coverage = &verdict.coverage;
        assert_eq!(coverage.exports_called, ["run", "get"], "{verdict}");
        assert!(coverage.functions_added > 0, "{verdict}");
        assert_eq!(coverage.functions_added, coverage.functions_accounted, "{verdict}");
        assert!(coverage.state.memory_bytes > 0 && coverage.engines[0].returned >= 5, "{verdict}");
    }
}

#[test]
fn commands_are_equal() {
    let write = "wasi_snapshot_preview1.fd_write";
    for (program, at) in
        [("c/command.wasm", "checkpoint"), ("wasi/memory.wasm", write), ("wasi/random.wasm", write)]
    {
        let verdict = Frozen::command(program, at).is_equal();
        assert!(verdict.coverage.engines[0].host_calls > 0, "{program}: {verdict}");
    }
}

/// Where the snapshot's clock is another one, what waits for it waits for other times of the host.
#[test]
fn waits_for_a_clock_that_has_moved_are_compared() {
    Frozen::command("wasi/clocks.wasm", "wasi_snapshot_preview1.poll_oneoff").is_equal();
}

#[test]
fn every_form_is_equal() {
    let original = wat_to_wasm(PROGRAM.as_bytes()).unwrap().into_owned();
    for layout in [Layout::Compact, Layout::Mappable, Layout::Sparse] {
        Frozen::new(original.clone(), ("run", "env.f#2"), |preinit| preinit.layout(layout)).is_equal();
    }
    Frozen::new(original, ("run", "env.f#2"), |preinit| preinit.strip_init(true)).is_equal();
}

/// A snapshot of another place, or none, is another state.
#[test]
fn other_places_are_different() {
    let frozen = Frozen::program("env.f#2");
    for other in ["env.f#3", "export:run"] {
        let verdict = frozen.verdict(&Frozen::program(other).snapshot);
        assert_eq!(verdict.outcome, Outcome::Different, "{other}: {verdict}");
    }
    let verdict = frozen.verdict(&frozen.original);
    assert_ne!(verdict.outcome, Outcome::Equal, "{verdict}");
    let verdict = frozen.verdict(b"\0asm\x0d\0\x01\0\xff");
    assert!(verdict.differences[0].key == "snapshot", "{verdict}");
}

/// Each byte of what resumes counts, also where no call shows it.
#[test]
fn faults_in_what_resumes_are_found() {
    let mut dice = Dice::new(7);
    let mut planted = 0;
    for at in ["env.f#3", "env.f(1000)"] {
        let frozen = Frozen::program(at);
        let (before, after) =
            (Component::parse(&frozen.original).unwrap(), Component::parse(&frozen.snapshot).unwrap());
        let modules = before.modules().iter().enumerate();
        let (number, _) = modules.max_by_key(|(_, module)| module.bytes.len()).unwrap();
        let pair =
            [&before, &after].map(|component| Module::parse(component.modules()[number].bytes).unwrap());
        for kind in
            [Kind::ResumeCodeChanged; 6].into_iter().chain([Kind::MemoryByteFlipped, Kind::GlobalOffByOne])
        {
            let Some((module, what)) = plant(kind, &pair[0], &pair[1], &mut dice) else { continue };
            let verdict = frozen.verdict(&frozen.with_module(number, &module));
            planted += 1;
            let is_found = match kind.hides() {
                true => verdict.outcome != Outcome::Equal,
                false => verdict.outcome == Outcome::Different,
            };
            assert!(is_found, "{at}: {kind:?}: {what}: {verdict}");
        }
    }
    assert!(planted >= 12, "{planted}");
}

/// A program that leaves, and one that traps, do so on both sides.
#[test]
fn ends_are_compared() {
    let text = |end: &str| {
        format!(
            r#"(component
            (core module $m
              (global $g (mut i32) (i32.const 1))
              (func $stop)
              (func (export "run") (result i32)
                (global.set $g (i32.const 2)) (call $stop) (global.set $g (i32.const 3)) {end}))
            (core instance $i (instantiate $m))
            (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
        )
    };
    let [returns, traps] = [text("(i32.const 7)"), text("unreachable")].map(|text| {
        Frozen::new(wat_to_wasm(text.as_bytes()).unwrap().into_owned(), ("run", "call:stop"), |preinit| {
            preinit
        })
    });
    returns.is_equal();
    let verdict = traps.is_equal();
    assert_eq!(
        (verdict.coverage.engines[0].calls, verdict.coverage.engines[0].returned),
        (1, 0),
        "{verdict}"
    );
    let verdict = returns.verdict(&traps.snapshot);
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
}

/// Resources that were dropped before the place count on one side only; their numbers are no difference.
#[test]
fn resources_of_before_are_no_difference() {
    let text = r#"(component
        (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
          (alias outer 1 $pollable (type $p))
          (export "pollable" (type $own (eq $p)))
          (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
        (core func $subscribe (canon lower (func $clock "subscribe-duration")))
        (core func $drop (canon resource.drop $pollable))
        (core module $m
          (import "" "subscribe" (func $subscribe (param i64) (result i32)))
          (import "" "drop" (func $drop (param i32)))
          (func $stop)
          (func (export "run") (result i32)
            (call $drop (call $subscribe (i64.const 5)))
            (call $stop)
            (call $drop (call $subscribe (i64.const 7)))
            (i32.const 3)))
        (core instance $i (instantiate $m (with "" (instance
          (export "subscribe" (func $subscribe)) (export "drop" (func $drop))))))
        (func (export "run") (result u32) (canon lift (core func $i "run"))))"#;
    let original = wat_to_wasm(text.as_bytes()).unwrap().into_owned();
    let verdict = Frozen::new(original, ("run", "call:stop"), |preinit| preinit).is_equal();
    assert_eq!(verdict.coverage.engines[0].returned, 3, "{verdict}");
}

/// A build that has slept leaves the clock of an instance behind the original's. Every later call sees it where it went on from.
#[test]
fn later_calls_have_the_clock_of_the_snapshot() {
    let text = r#"(component
        (import "wasi:io/poll@0.2.0" (instance $poll
          (export "pollable" (type $p (sub resource)))
          (export "[method]pollable.block" (func (param "self" (borrow $p))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
          (alias outer 1 $pollable (type $p))
          (export "pollable" (type $own (eq $p)))
          (export "now" (func (result u64)))
          (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
        (core func $now (canon lower (func $clock "now")))
        (core func $subscribe (canon lower (func $clock "subscribe-duration")))
        (core func $block (canon lower (func $poll "[method]pollable.block")))
        (core func $drop (canon resource.drop $pollable))
        (core module $memory (memory (export "memory") 1))
        (core instance $memory (instantiate $memory))
        (core module $adapter
          (import "env" "memory" (memory 1))
          (import "c" "now" (func $now (result i64)))
          (global $internal_state_ptr (mut i32) (i32.const 0))
          (global $allocation_state (mut i32) (i32.const 0))
          (func (export "clock_time_get") (param i32 i64 i32) (result i32)
            (i64.store (local.get 2) (call $now)) (i32.const 0)))
        (core instance $adapter (instantiate $adapter
          (with "env" (instance $memory)) (with "c" (instance (export "now" (func $now))))))
        (core module $m
          (import "env" "memory" (memory 1))
          (export "memory" (memory 0))
          (import "h" "subscribe" (func $subscribe (param i64) (result i32)))
          (import "h" "block" (func $block (param i32)))
          (import "h" "drop" (func $drop (param i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $read (param i32 i64 i32) (result i32)))
          (global $has-slept (mut i32) (i32.const 0))
          (global $then (mut i64) (i64.const 0))
          (func $sleep (local $for i32)
            (local.set $for (call $subscribe (i64.const 1000000000000000)))
            (call $block (local.get $for)) (call $drop (local.get $for)))
          (func $now (result i64)
            (drop (call $read (i32.const 1) (i64.const 0) (i32.const 8)))
            (i64.load (i32.const 8)))
          (func $stop)
          (func (export "run")
            (if (i32.eqz (global.get $has-slept))
              (then (global.set $has-slept (i32.const 1)) (call $sleep) (drop (call $now)) (call $stop)))
            (global.set $then (call $now))))
        (core instance $m (instantiate $m (with "env" (instance $memory))
          (with "wasi_snapshot_preview1" (instance $adapter))
          (with "h" (instance (export "subscribe" (func $subscribe)) (export "block" (func $block))
            (export "drop" (func $drop))))))
        (func (export "run") (canon lift (core func $m "run"))))"#;
    let original = wat_to_wasm(text.as_bytes()).unwrap().into_owned();
    let mut frozen = Frozen::new(original, ("run", "call:stop"), |preinit| preinit.rebase_clock(true));
    frozen.options.scripts = vec![Script::parse("run()\nrun()").unwrap()];
    let verdict = frozen.is_equal();
    assert_eq!(verdict.coverage.engines[0].returned, 5, "{verdict}");
}
