//! One client, compiled for `wasmtime-wizer` and for `preinit::wizer`: what the former takes, both snapshots answer alike. What
//! it refuses or gets wrong works with the latter.

use super::block_on;
use super::component::wasm;
use crate::components::running::Running;
use crate::golden::init_functions;
use preinit::wizer::{WasmtimeWizer, WasmtimeWizerComponent, Wizer};
use preinit_testing::case::{Call, Case};
use preinit_testing::cranelift::Cranelift;
use preinit_testing::machine::{Machine, Setup};
use preinit_testing::{note, repository};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use wasmtime::{Config, Engine};

mod of_wizer {
    use wasmtime_wizer as wizer;
    include!("client.rs");
}

mod of_preinit {
    use preinit::wizer;
    include!("client.rs");
}

/// What the client asks for.
struct Settings<'a> {
    init: &'a str,
    keeps_init: bool,
    renames: &'a [(String, String)],
}

/// The client's.
fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let mut config = Config::new();
        config.wasm_gc(true).wasm_function_references(true).wasm_exceptions(true).wasm_memory64(true);
        config.wasm_multi_memory(true).wasm_tail_call(true).wasm_extended_const(true);
        config.coredump_on_trap(true);
        Engine::new(&config).unwrap()
    });
    &ENGINE
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Module,
    Component,
}

/// What an instance answers; `Err` if there is none, or no such export.
type Answers = Result<Vec<String>, String>;

impl Kind {
    fn by_wizer(self, wasm: &[u8], settings: &Settings<'_>) -> Result<Vec<u8>, String> {
        tried(|| match self {
            Kind::Module => block_on(of_wizer::of_module(wasm, settings)),
            Kind::Component => block_on(of_wizer::of_component(wasm, settings)),
        })
    }

    fn by_preinit(self, wasm: &[u8], settings: &Settings<'_>) -> Result<Vec<u8>, String> {
        tried(|| match self {
            Kind::Module => block_on(of_preinit::of_module(wasm, settings)),
            Kind::Component => block_on(of_preinit::of_component(wasm, settings)),
        })
    }

    /// The same client, which takes preinit's implementation for Wasmtime instead of its own.
    fn by_preinit_with_all_methods(self, wasm: &[u8], settings: &Settings<'_>) -> Result<Vec<u8>, String> {
        let wizer = wizer_for(settings);
        tried(|| {
            block_on(async {
                match self {
                    Kind::Module => {
                        let (cx, instrumented) = wizer.instrument(wasm)?;
                        let (mut store, instance) =
                            of_preinit::module_after_init(&instrumented, settings.init).await?;
                        wizer.snapshot(&cx, &mut WasmtimeWizer { store: &mut store, instance }).await
                    }
                    Kind::Component => {
                        let (cx, instrumented) = wizer.instrument_component(wasm)?;
                        let (mut store, instance) =
                            of_preinit::component_after_init(&instrumented, settings.init).await?;
                        let mut state = WasmtimeWizerComponent { store: &mut store, instance };
                        wizer.snapshot_component(&cx, &mut state).await
                    }
                }
            })
        })
    }

    /// The same client, which lets `run` do all of it in its store.
    fn by_preinits_run(self, wasm: &[u8], settings: &Settings<'_>) -> Result<Vec<u8>, String> {
        let run = async |wizer: &Wizer| match self {
            Kind::Module => wizer.run(&mut of_preinit::new_store(), wasm, of_preinit::instantiate).await,
            Kind::Component => wasmtime::bail!("objects of components cannot be read"),
        };
        tried(|| block_on(run(&wizer_for(settings))))
    }

    /// What the calls answer after those of `init`.
    fn answers(self, wasm: &[u8], init: &[String], calls: &[Call]) -> Answers {
        let answers = || match self {
            Kind::Module => {
                let mut machine = Cranelift::start(wasm, Setup::default())?;
                for init in init {
                    machine.call(&Call { provider: None, export: init.clone(), args: Vec::new() });
                }
                Ok(calls.iter().map(|call| machine.call(call).to_string()).collect())
            }
            Kind::Component => {
                let mut running = Running::start(wasm, &[]);
                for init in init {
                    running.run(init);
                }
                Ok(calls.iter().map(|call| running.call(&call.export, &call.args.join(", "))).collect())
            }
        };
        catch_unwind(AssertUnwindSafe(answers)).unwrap_or_else(|_| Err("a panic".to_string()))
    }
}

fn wizer_for(settings: &Settings<'_>) -> Wizer {
    let mut wizer = Wizer::new();
    wizer.init_func(settings.init).keep_init_func(settings.keeps_init);
    for (new, old) in settings.renames {
        wizer.func_rename(new, old);
    }
    wizer
}

/// Wizer panics where it has no words.
fn tried(snapshot: impl FnOnce() -> wasmtime::Result<Vec<u8>>) -> Result<Vec<u8>, String> {
    match catch_unwind(AssertUnwindSafe(snapshot)) {
        Ok(snapshot) => snapshot.map_err(|error| format!("{error:#}")),
        Err(_) => Err("a panic".to_string()),
    }
}

/// What became of the golden cases of a folder, by name.
#[derive(Default)]
struct Tally {
    same: Vec<String>,
    wizer_refuses: Vec<String>,
    wizer_is_wrong: Vec<String>,
    preinit_refuses: Vec<String>,
}

fn tally(folder: &str, kind: Kind) -> Tally {
    let mut tally = Tally::default();
    for path in std::fs::read_dir(repository().join(folder)).unwrap() {
        let path = path.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            tally.add(&Case::read(&path), kind);
        }
    }
    tally
}

impl Tally {
    fn add(&mut self, case: &Case, kind: Kind) {
        let [init] = &case.init[..] else { return };
        // They take long, and others have small heaps of these kinds.
        if ["heap-doubly-linked-list-of-a-million", "heap-string-array-of-10-megabytes"]
            .contains(&&*case.name)
        {
            return;
        }
        let is_plain = !case.wasi && !case.stub_all && case.stubs.is_empty() && case.cuts.is_empty();
        if !is_plain || !case.preloads.is_empty() || init.contains('(') {
            return;
        }
        let original = preinit::wat_to_wasm(&case.text).unwrap();
        // wasmtime-wizer takes an export of a component away from core modules too, if they have one of that name.
        let keeps_init = case.keep_init_functions || kind == Kind::Component;
        let settings = Settings { init, keeps_init, renames: &case.renames };
        let by_wizer = kind.by_wizer(&original, &settings);
        let name = case.name.clone();
        let by_preinit = kind.by_preinit(&original, &settings);
        assert!(
            by_wizer.is_err() || by_preinit.is_ok(),
            "{name}: only wasmtime-wizer takes it: {by_preinit:?}"
        );
        let by_preinit = by_preinit
            .or_else(|_| kind.by_preinit_with_all_methods(&original, &settings))
            .or_else(|error| kind.by_preinits_run(&original, &settings).map_err(|_| error));
        let snapshot = match by_preinit {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.preinit_refuses.push(format!("{name}: {error}"));
                return;
            }
        };
        let answers = kind.answers(&snapshot, &[], &case.calls);
        if case.renames.is_empty() {
            let init = match kind {
                Kind::Module => init_functions(case, &original),
                Kind::Component => case.init.clone(),
            };
            assert_eq!(answers, kind.answers(&original, &init, &case.calls), "{name}");
        }
        match by_wizer.map(|snapshot| kind.answers(&snapshot, &[], &case.calls)) {
            Ok(by_wizer) if by_wizer == answers => self.same.push(name),
            Ok(by_wizer) => self.wizer_is_wrong.push(format!("{name}: {by_wizer:?}, not {answers:?}")),
            Err(error) => self.wizer_refuses.push(format!("{name}: {error}")),
        }
    }

    fn note(&self, of: &str) {
        note(format!(
            "{of}: {} alike, {} that wasmtime-wizer refuses, {} that it gets wrong, {} that preinit refuses",
            self.same.len(),
            self.wizer_refuses.len(),
            self.wizer_is_wrong.len(),
            self.preinit_refuses.len(),
        ));
    }

    /// Of these, only preinit makes a snapshot, or one that is right.
    #[track_caller]
    fn has_only_from_preinit(&self, names: &[&str]) {
        for name in names {
            let is_it = |case: &&String| case.split(':').next() == Some(name);
            let found = self.wizer_refuses.iter().chain(&self.wizer_is_wrong).find(is_it);
            assert!(found.is_some(), "{name}: {:?}", self.wizer_refuses);
        }
    }
}

#[test]
fn golden_modules() {
    let tally = tally("tests/golden", Kind::Module);
    tally.note("modules");
    assert!(tally.same.len() >= 34 && tally.wizer_refuses.len() >= 70, "{:?}", tally.wizer_refuses);
    // The engine of the client has not all proposals.
    assert!(tally.preinit_refuses.len() <= 8, "{:?}", tally.preinit_refuses);
    tally.has_only_from_preinit(&[
        "tables-set-null-fill-copy-init-grow",
        "tables-64-bit",
        "segments-data-dropped",
        "segments-elements-dropped",
        "globals-reference-null-and-defined-function",
        "globals-typed-function-references",
        "heap-hash-map",
    ]);
}

#[test]
fn golden_components() {
    let tally = tally("tests/golden/components", Kind::Component);
    tally.note("components");
    assert!(tally.same.len() >= 17 && tally.wizer_refuses.len() >= 12, "{:?}", tally.wizer_refuses);
    tally.has_only_from_preinit(&[
        "twice-with-different-states",
        "module-twice-in-two-components",
        "nested-three-deep",
        "composed",
        "table-of-own-functions",
        "segments-dropped-and-kept",
        "memory-of-64-bits-of-a-sibling",
    ]);
}

/// An export of a core module that is named as the component's init function stays; `wasmtime-wizer` takes it away too.
#[test]
fn the_export_of_a_core_module_stays() {
    let component = wasm(
        r#"(component (core module $m (global $g (mut i32) (i32.const 0))
                (func (export "init") (global.set $g (i32.const 5))) (func (export "run") (result i32) global.get $g))
            (core instance $i (instantiate $m))
            (func (export "run") (result s32) (canon lift (core func $i "run")))
            (func (export "init") (canon lift (core func $i "init"))))"#,
    );
    let settings = Settings { init: "init", keeps_init: false, renames: &[] };
    let snapshot = Kind::Component.by_preinit(&component, &settings).unwrap();
    let run = Call { provider: None, export: "run".to_string(), args: Vec::new() };
    assert_eq!(Kind::Component.answers(&snapshot, &[], &[run]), Ok(vec!["[S32(5)]".to_string()]));
    let by_wizer = Kind::Component.by_wizer(&component, &settings);
    assert!(
        by_wizer.is_err() || by_wizer.is_ok_and(|wasm| Kind::Component.answers(&wasm, &[], &[]).is_err())
    );
}

/// What both take: in each, init asks the client's store.
#[test]
fn what_both_take() {
    for (name, state, change, answer, expected) in BOTH {
        // Not `init` as the component's: wasmtime-wizer takes exports of that name away from core modules too.
        let core = format!(
            r#"(import "client" "next" (func $next (result i32))) {state}
            (func (export "init") {change}) (func (export "run") (result i32) {answer})"#
        );
        let component = format!(
            r#"(component (import "next" (func $next (result s32))) (core func $next (canon lower (func $next)))
                (core module $m {core}) (core instance $client (export "next" (func $next)))
                (core instance $i (instantiate $m (with "client" (instance $client))))
                (func (export "run") (result s32) (canon lift (core func $i "run")))
                (func (export "prepare") (canon lift (core func $i "init"))))"#
        );
        let call = [Call { provider: None, export: "run".to_string(), args: Vec::new() }];
        for (kind, original, init, expected) in [
            (Kind::Module, wasm(&format!("(module {core})")), "init", expected.to_string()),
            (Kind::Component, wasm(&component), "prepare", format!("[S32({expected})]")),
        ] {
            let settings = Settings { init, keeps_init: false, renames: &[] };
            let by_wizer =
                kind.by_wizer(&original, &settings).unwrap_or_else(|error| panic!("{name}: {error}"));
            let by_preinit =
                kind.by_preinit(&original, &settings).unwrap_or_else(|error| panic!("{name}: {error}"));
            for snapshot in [by_wizer, by_preinit] {
                assert_eq!(kind.answers(&snapshot, &[], &call), Ok(vec![expected.clone()]), "{name}");
            }
        }
    }
}

/// Name, definitions, body of init, body of `run`, answer.
const BOTH: [(&str, &str, &str, &str, i32); 8] = [
    ("a global", "(global $g (mut i32) (i32.const 0))", "(global.set $g (call $next))", "global.get $g", 100),
    (
        "two calls",
        "(global $g (mut i64) (i64.const 0))",
        "(drop (call $next)) (global.set $g (i64.extend_i32_s (call $next)))",
        "(i32.wrap_i64 (global.get $g))",
        200,
    ),
    (
        "floats",
        "(global $f (mut f32) (f32.const 0)) (global $d (mut f64) (f64.const 0))",
        "(global.set $f (f32.convert_i32_s (call $next))) (global.set $d (f64.convert_i32_s (call $next)))",
        "(i32.trunc_f64_s (f64.sub (global.get $d) (f64.promote_f32 (global.get $f))))",
        100,
    ),
    (
        "a memory with data",
        r#"(memory 1) (data (i32.const 0) "\01\02\03\04")"#,
        "(i32.store8 (i32.const 2) (call $next)) (i32.store (i32.const 65532) (call $next))",
        "(i32.add (i32.load (i32.const 0)) (i32.load (i32.const 65532)))",
        73_663_177,
    ),
    (
        "a memory that grows",
        "(memory 1)",
        "(drop (memory.grow (i32.const 2))) (i32.store (i32.const 190000) (call $next))",
        "(i32.add (memory.size) (i32.load (i32.const 190000)))",
        103,
    ),
    (
        "a table that stays",
        "(type $f (func (result i32))) (table 2 funcref) (elem (i32.const 1) $five) (func $five (result i32) i32.const 5)
            (global $g (mut i32) (i32.const 0))",
        "(global.set $g (call $next))",
        "(i32.add (global.get $g) (call_indirect (type $f) (i32.const 1)))",
        105,
    ),
    (
        "a start function",
        "(global $g (mut i32) (i32.const 0)) (func $start (global.set $g (i32.const 7))) (start $start)",
        "(global.set $g (i32.add (global.get $g) (call $next)))",
        "global.get $g",
        107,
    ),
    (
        "a passive segment",
        r#"(memory 1) (data $d "\2a")"#,
        "(memory.init $d (i32.const 9) (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 8) (call $next))",
        "(i32.load (i32.const 8))",
        10_852,
    ),
];
