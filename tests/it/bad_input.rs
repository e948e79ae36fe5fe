//! Truncated and corrupted modules: an error or a correct snapshot, never a panic.

use preinit::host::Limits;
use preinit::stages::module::{Module, is_function};
use preinit::{Options, Preinit};
use preinit_testing::case::Call;
use preinit_testing::machine::Setup;
use preinit_testing::oracle::Pair;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Small modules that together have every kind of section and segment.
const MODULES: [(&str, &str); 4] = [
    (
        "mvp",
        r#"(module
            (import "env" "f" (func $f (param i32)))
            (memory (export "m") 1 2) (table (export "t") 2 3 funcref) (global $g (mut i32) (i32.const 5))
            (elem (i32.const 0) $a) (data (i32.const 3) "abc")
            (func $a (global.set $g (i32.const 7)))
            (func $start (i32.store8 (i32.const 40) (i32.const 9))) (start $start)
            (func (export "init") (call $a) (i32.store (i32.const 0) (i32.const 1)))
            (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))"#,
    ),
    (
        "segments and references",
        r#"(module $named
            (memory i64 1) (memory $second 1) (table $t 2 funcref) (table i64 1 externref)
            (global $r (mut funcref) (ref.null func)) (global f64 (f64.const nan:0x123))
            (elem $p func $init) (elem declare func $get) (elem (table $t) (i32.const 1) funcref (ref.func $get))
            (data $d "passive") (data (memory $second) (i32.const 9) "xy")
            (func $init (export "init")
              (global.set $r (ref.func $get)) (data.drop $d) (table.set $t (i32.const 0) (ref.func $init)) (elem.drop $p))
            (func $get (export "get") (param $x i32) (result i32) (i32.load8_u $second (local.get $x)))
            (@producers (language "C" "1")))"#,
    ),
    (
        "garbage collection",
        r#"(module
            (rec (type $s (struct (field $f (mut i32)))) (type $l (array (ref null $s))))
            (type $h (func (param i32) (result i32)))
            (tag $e (param i32))
            (global $i (mut (ref null i31)) (ref.null i31)) (global (ref null $s) (ref.null $s))
            (table 1 2 (ref $h) (ref.func $get))
            (func (export "init")
              (drop (struct.new $s (i32.const 1)))
              (block $b (result i32) (try_table (catch $e $b) (throw $e (i32.const 3))) (unreachable)) (drop)
              (global.set $i (ref.i31 (i32.const 3))))
            (func $get (export "get") (type $h)
              (i32.add (i31.get_u (global.get $i)) (call_ref $h (local.get 0) (ref.func $id))))
            (func $id (type $h) (local.get 0)) (elem declare func $id))"#,
    ),
    (
        "kept imports",
        r#"(module
            (import "env" "memory" (memory 1 3)) (import "env" "table" (table 1 4 funcref))
            (import "env" "global" (global $g (mut i64)))
            (elem declare func $init)
            (func $init (export "init")
              (drop (memory.grow (i32.const 1))) (i32.store (i32.const 65536) (i32.const 1))
              (drop (table.grow (ref.func $init) (i32.const 1))) (global.set $g (i64.const -1)))
            (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))"#,
    ),
];

const PROVIDER: &str = r#"(module (memory (export "memory") 1 3) (table (export "table") 1 4 funcref)
    (global (export "global") (mut i64) (i64.const 0)))"#;

/// Every bit pattern that is interesting somewhere: neighbours, signs, continuation bits of LEBs.
fn corruptions(byte: u8) -> Vec<u8> {
    let mut values = vec![0x00, 0x01, 0x40, 0x7f, 0x80, 0xff, byte ^ 1, byte ^ 0x80, byte.wrapping_add(1)];
    values.sort_unstable();
    values.dedup();
    values.retain(|value| *value != byte);
    values
}

#[test]
fn every_truncation() {
    let accepted = every(|wasm| (0..wasm.len()).map(|len| wasm[..len].to_vec()).collect());
    // The sections up to a custom section at the end make a module.
    assert!(accepted > 0, "truncations within the trailing sections are still modules");
}

#[test]
fn every_byte_corrupted() {
    let accepted = every(|wasm| {
        let at = |at: usize| corruptions(wasm[at]).into_iter().map(move |value| (at, value));
        let corrupted = |(at, value)| {
            let mut wasm = wasm.to_vec();
            wasm[at] = value;
            wasm
        };
        (0..wasm.len()).flat_map(at).map(corrupted).collect()
    });
    assert!(accepted > 500, "many corruptions are other modules: {accepted}");
}

/// The number of accepted ones.
fn every(broken: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> usize {
    let provider = wat::parse_str(PROVIDER).unwrap();
    let providers = [("env".to_string(), provider)];
    let mut inputs = Vec::new();
    for (name, text) in MODULES {
        let wasm = wat::parse_str(text).unwrap();
        assert!(survives(&wasm, &providers), "`{name}` itself is refused");
        inputs.extend(broken(&wasm));
    }
    let (next, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(wasm) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
            match catch_unwind(|| survives(wasm, &providers)) {
                Ok(is_accepted) => accepted.fetch_add(usize::from(is_accepted), Ordering::Relaxed),
                Err(_) => panic!("panicked on {:02x?}", wasm),
            };
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    accepted.into_inner()
}

/// Whether there is a snapshot; panics if it is not a module or does not start where it should.
fn survives(wasm: &[u8], providers: &[(String, Vec<u8>)]) -> bool {
    let mut preinit = Preinit::from(Options {
        init_functions: vec!["init".to_string()],
        limits: Limits { timeout: Some(Duration::from_secs(5)), max_memory: 64 << 20, fuel: Some(100_000) },
        ..Options::default()
    });
    for (name, wasm) in providers {
        preinit = preinit.preload(name, wasm.clone());
    }
    let Ok(output) = preinit.run(wasm) else { return false };
    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
        .validate_all(&output.wasm)
        .unwrap();
    let setup = Setup { providers, bounded: true, ..Setup::default() };
    let pair = Pair {
        original: wasm,
        snapshot: &output.wasm,
        init: &output.report.init_functions,
        setup,
        internalized: false,
    };
    let call = |arg: &str| Call { provider: None, export: "get".to_string(), args: vec![arg.to_string()] };
    let module = Module::parse(&output.wasm).unwrap();
    let get = module.export("get").filter(|get| is_function(get.kind));
    let signature = get.and_then(|get| module.signature(get.index)).map(|ty| ty.params());
    let calls = match signature == Some(&[wasmparser::ValType::I32][..]) {
        true => vec![call("0"), call("40"), call("9")],
        false => Vec::new(),
    };
    pair.agree(&calls);
    true
}

/// The last of them is reached by all others: a path takes no longer for that, and is no longer either.
#[test]
fn a_refusal_of_very_many_values_is_short_and_soon_there() {
    let provider =
        r#"(module (func $f) (func (export "get") (result funcref) (ref.func $f)) (elem declare func $f))"#;
    let wasm = |table: &str, each: &str| {
        wat::parse_str(format!(
            r#"(module (import "p" "get" (func $get (result funcref)))
            (type $s (struct (field (mut (ref null $s))) (field (mut funcref))))
            (global $r (mut (ref null $s)) (ref.null $s)) {table}
            (func (export "preinit") (local $i i32)
              (loop $l {each}
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $l (i32.lt_u (local.get $i) (i32.const 50000))))))"#
        ))
        .unwrap()
    };
    let list = "(global.set $r (struct.new $s (global.get $r) (call $get)))";
    for (table, each) in [("", list), ("(table 50000 funcref)", "(table.set (local.get $i) (call $get))")] {
        let started = std::time::Instant::now();
        let preinit = Preinit::new().preload("p", wat::parse_str(provider).unwrap());
        let message = preinit.run(&wasm(table, each)).unwrap_err().to_string();
        assert!(message.ends_with("\n  and 49900 more"), "{message}");
        assert!(message.len() < 100_000, "{}", message.len());
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }
}
