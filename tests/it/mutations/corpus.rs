//! Guests whose snapshots get faults. Those that are made for it have something for every kind of fault.

use preinit::host::{HostOptions, WasiOptions};
use preinit::{Preinit, wat_to_wasm};
use preinit_testing::test_program;

/// A guest and its correct snapshot.
pub struct Guest {
    pub name: &'static str,
    pub original: Vec<u8>,
    pub snapshot: Vec<u8>,
    pub host: HostOptions,
    /// Winch does not support it.
    pub needs_cranelift: bool,
}

impl Guest {
    pub fn is_small(&self) -> bool {
        self.original.len() < 4096
    }
}

pub fn guests() -> Vec<Guest> {
    let programs = [
        "c/primes.wasm",
        "wat/state.wat",
        "assemblyscript/guest.wasm",
        "rust/guest.wasm",
        "cpp/constructors.wasm",
    ];
    let program = |name: &'static str| {
        let wasi = HostOptions { wasi: Some(WasiOptions::default()), ..HostOptions::default() };
        guest(name, &test_program(name), wasi)
    };
    let stubs = HostOptions { stub_all: true, ..HostOptions::default() };
    let own = [
        ("numbers", NUMBERS),
        ("tables", TABLES),
        ("memories", MEMORIES),
        ("segments", SEGMENTS),
        ("calls", CALLS),
        ("started", STARTED),
        ("imported", IMPORTED),
        ("objects", OBJECTS),
        ("based", BASED),
    ];
    let own = own.into_iter().map(|(name, wat)| guest(name, wat.as_bytes(), stubs.clone()));
    programs.into_iter().map(program).chain(own).collect()
}

fn guest(name: &'static str, wasm: &[u8], host: HostOptions) -> Guest {
    let original = wat_to_wasm(wasm).unwrap().into_owned();
    let options = preinit::Options { host: host.clone(), ..preinit::Options::default() };
    let snapshot = Preinit::from(options).run(&original).unwrap().wasm;
    let needs_cranelift = matches!(name, "tables" | "objects" | "based");
    Guest { name, original, snapshot, host, needs_cranelift }
}

/// A program that was frozen in the middle.
pub struct Frozen {
    pub name: &'static str,
    pub original: Vec<u8>,
    pub snapshot: Vec<u8>,
    pub trigger: &'static str,
    pub host: HostOptions,
}

pub fn frozen() -> Vec<Frozen> {
    let programs =
        [("reader", READER, "stdin"), ("caller", CALLER, "env.log#3"), ("holder", HOLDER, "call:stop")];
    let frozen = programs.map(|(name, wat, trigger)| {
        let original = wat_to_wasm(wat.as_bytes()).unwrap().into_owned();
        let host =
            HostOptions { wasi: Some(WasiOptions::default()), stub_all: true, ..HostOptions::default() };
        let options = preinit::Options {
            host: host.clone(),
            at: Some(trigger.parse().unwrap()),
            ..preinit::Options::default()
        };
        let snapshot = Preinit::from(options).run(&original).unwrap().wasm;
        Frozen { name, original, snapshot, trigger, host }
    });
    frozen.into()
}

const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "\80\00\00\00\01\00\00\00")
    (func $next (param $k i32) (result i32)
        (drop (i32.add (local.get $k) (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 100))))
        (i32.mul (i32.load8_u (i32.const 128)) (i32.load (i32.const 100))))
    (func (export "_start") (local $sum i64) (local $k i32)
        (local.set $k (i32.const 7))
        (block $end (loop $again
            (local.get $sum)
            (i64.extend_i32_u (local.tee $k (call $next (local.get $k))))
            (i64.add)
            (local.set $sum)
            (br_if $again (local.get $k))))
        (i64.store (i32.const 200) (local.get $sum))))"#;

const CALLER: &str = r#"(module
    (import "env" "log" (func $log (param i32)))
    (memory (export "memory") 1)
    (func $down (param $left i32) (result i32)
        (call $log (local.get $left))
        (if (result i32) (i32.eqz (local.get $left))
            (then (i32.const 100))
            (else (i32.add (local.get $left) (call $down (i32.sub (local.get $left) (i32.const 1)))))))
    (func (export "_start")
        (i32.store (i32.const 0) (call $down (i32.const 5)))))"#;

const HOLDER: &str = r#"(module
    (type $pair (struct (field (mut i32)) (field i64)))
    (global $seen (mut i64) (i64.const 0))
    (memory (export "memory") 1)
    (func $stop (result i32) (i32.const 3))
    (func (export "_start") (local $held (ref null $pair))
        (local.set $held (struct.new $pair (i32.const 11) (i64.const 22)))
        (struct.set $pair 0 (local.get $held) (i32.add (struct.get $pair 0 (local.get $held)) (call $stop)))
        (global.set $seen (i64.add (struct.get $pair 1 (local.get $held))
            (i64.extend_i32_s (struct.get $pair 0 (local.get $held)))))))"#;

const NUMBERS: &str = r#"(module
    (global $a (mut i32) (i32.const 0)) (global $b (mut i64) (i64.const 0))
    (global $c (mut f32) (f32.const 1)) (global $d (mut f64) (f64.const 1))
    (global $e (mut f32) (f32.const 0)) (global $f (mut f64) (f64.const 0))
    (global $g (mut f32) (f32.const 0)) (global $h (mut f64) (f64.const 0))
    (global $i (mut f32) (f32.const 0)) (global $j f64 (f64.const 0))
    (global $k i64 (i64.const 0x7fffffffffffffff)) (global $l (mut v128) (v128.const i64x2 1 2))
    (func (export "preinit")
        (global.set $a (i32.const -1)) (global.set $b (i64.const 77))
        (global.set $c (f32.const 0)) (global.set $d (f64.const 0))
        (global.set $e (f32.const nan:0x400123)) (global.set $f (f64.const -nan:0x8000000000001))
        (global.set $g (f32.const nan)) (global.set $h (f64.const nan:0x4000000000000))
        (global.set $i (f32.const -0)))
    (func (export "sum") (param i32 f64) (result i32 f64)
        (i32.add (local.get 0) (global.get $a)) (f64.add (local.get 1) (global.get $d))))"#;

const TABLES: &str = r#"(module
    (type $op (func (param i32) (result i32)))
    (table $public (export "public") 8 20 funcref)
    (table $private 30 30 funcref)
    (table $foreign 3 externref)
    (elem (table $public) (i32.const 1) func $one $two)
    (elem declare func $three)
    (func $one (type $op) (i32.add (local.get 0) (i32.const 1)))
    (func $two (type $op) (i32.add (local.get 0) (i32.const 2)))
    (func $three (type $op) (i32.add (local.get 0) (i32.const 3)))
    (func (export "preinit")
        (drop (table.grow $public (ref.func $three) (i32.const 4)))
        (table.set $public (i32.const 0) (ref.func $three))
        (table.fill $private (i32.const 5) (ref.func $two) (i32.const 9))
        (table.set $private (i32.const 29) (ref.func $one)))
    (func (export "call") (param i32 i32) (result i32)
        (call_indirect $public (type $op) (local.get 0) (local.get 1)))
    (func (export "set") (param i32 funcref) (table.set $private (local.get 0) (local.get 1))))"#;

const MEMORIES: &str = r#"(module
    (memory $public (export "memory") 2 10)
    (memory $private 3)
    (data (memory $private) (i32.const 70000) "private from the start")
    (func (export "preinit")
        (drop (memory.grow $public (i32.const 1)))
        (memory.fill $public (i32.const 5000) (i32.const 0x5a) (i32.const 3000))
        (i64.store $private (i32.const 131072) (i64.const 0x0123456789abcdef))
        (i32.store8 $private (i32.const 70000) (i32.const 0)))
    (func (export "read") (param i32) (result i64) (i64.load $public (local.get 0)))
    (func (export "write") (param i32 i64) (i64.store $public (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow $private (i32.and (local.get 0) (i32.const 3)))))"#;

const SEGMENTS: &str = r#"(module
    (memory 1)
    (table 10 funcref)
    (data $live "live segment") (data $gone "a dropped segment") (data $live2 "also live") (data $gone2 "dropped too")
    (elem $functions func $f $g) (elem $dropped func $g $f $g) (elem $more funcref (ref.null func) (ref.func $f))
    (func $f) (func $g)
    (func (export "preinit")
        (memory.init $gone (i32.const 100) (i32.const 2) (i32.const 7))
        (data.drop $gone) (data.drop $gone2)
        (table.init $dropped (i32.const 0) (i32.const 0) (i32.const 3))
        (elem.drop $dropped))
    (func (export "load") (param i32) (result i32)
        (memory.init $live (i32.const 0) (i32.const 0) (i32.const 12))
        (memory.init $live2 (i32.const 16) (i32.const 0) (i32.const 9))
        (i32.load8_u (i32.and (local.get 0) (i32.const 31))))
    (func (export "fill") (table.init $functions (i32.const 5) (i32.const 0) (i32.const 2))
        (table.init $more (i32.const 7) (i32.const 0) (i32.const 2)))
    (func (export "never") (memory.init $gone2 (i32.const 0) (i32.const 0) (i32.const 1))))"#;

const CALLS: &str = r#"(module
    (import "env" "log" (func $log (param i32)))
    (import "env" "now" (func $now (param i64) (result i64)))
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (func (export "preinit")
        (call $log (i32.const 1))
        (i64.store (i32.const 8) (call $now (i64.const 2)))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
    (func (export "tick") (param i32) (call $log (local.get 0)))
    (func (export "time") (result i64) (call $now (i64.const 0)))
    (func (export "quiet") (result i32) (global.get $calls)))"#;

const STARTED: &str = r#"(module
    (import "env" "log" (func $log (param i32)))
    (memory 1)
    (global $starts (mut i32) (i32.const 0))
    (global $inits (mut i32) (i32.const 0))
    (start $start)
    (func $start (global.set $starts (i32.add (global.get $starts) (i32.const 1))) (call $log (i32.const 7)))
    (func $constructors (export "_initialize")
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
    (func (export "preinit") (global.set $inits (i32.add (global.get $inits) (i32.const 1))))
    (func (export "bump") (global.set $inits (i32.mul (global.get $inits) (i32.const 3))))
    (func (export "read") (result i32 i32) (global.get $starts) (i32.load (i32.const 0))))"#;

/// What is imported is written by a start function.
const IMPORTED: &str = r#"(module
    (import "env" "memory" (memory 1 10))
    (import "env" "table" (table 4 funcref))
    (import "env" "count" (global $count (mut i32)))
    (func $f (result i32) (i32.const 5))
    (elem declare func $f)
    (func (export "preinit")
        (drop (memory.grow (i32.const 1)))
        (i32.store (i32.const 70000) (i32.const 0x01020304))
        (global.set $count (i32.const 9))
        (drop (table.grow (ref.func $f) (i32.const 3)))
        (table.set (i32.const 1) (ref.func $f)))
    (func (export "add") (param i32) (result i32)
        (global.set $count (i32.add (global.get $count) (local.get 0))) (global.get $count))
    (func (export "read") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#;

/// What imports hold decides where things are.
const BASED: &str = r#"(module
    (import "env" "base" (global $base i32)) (import "env" "slot" (global $slot i32))
    (import "env" "f" (global $f funcref))
    (memory (export "memory") 1)
    (table (export "table") 6 funcref)
    (table $filled 5 funcref (global.get $f))
    (global $derived i32 (i32.add (global.get $base) (i32.const 5)))
    (global $mode (mut i32) (global.get $derived))
    (global $kept (mut i32) (global.get $slot))
    (data (global.get $base) "based")
    (elem (global.get $slot) func $one $two)
    (elem $passive funcref (global.get $f) (ref.func $one))
    (func $one (result i32) (i32.const 1))
    (func $two (result i32) (i32.const 2))
    (func (export "preinit")
        (global.set $mode (i32.const 0))
        (i32.store (i32.add (global.get $derived) (i32.const 95)) (i32.const 77))
        (table.set (i32.const 4) (ref.func $two))
        (table.set $filled (i32.const 2) (ref.func $one)))
    (func (export "load") (param i32) (result i32)
        (i32.load8_u (i32.add (global.get $base) (i32.and (local.get 0) (i32.const 127)))))
    (func (export "call") (param i32) (result i32)
        (call_indirect (result i32) (i32.add (global.get $slot) (local.get 0))))
    (func (export "modes") (result i32 i32) (global.get $mode) (global.get $kept))
    (func (export "fill") (table.init $filled $passive (i32.const 0) (i32.const 0) (i32.const 2))))"#;

const OBJECTS: &str = r#"(module
    (type $list (struct (field $head i32) (field $tail (mut (ref null $list)))))
    (type $bytes (array (mut i8)))
    (global $all (mut (ref null $list)) (ref.null $list))
    (global $text (mut (ref null $bytes)) (ref.null $bytes))
    (func (export "preinit") (local $k i32)
        (loop $more
            (global.set $all (struct.new $list (local.get $k) (global.get $all)))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $k) (i32.const 20))))
        (global.set $text (array.new $bytes (i32.const 0x5a) (i32.const 100)))
        (array.set $bytes (global.get $text) (i32.const 9) (i32.const 1)))
    (func (export "first") (result i32) (struct.get $list $head (global.get $all)))
    (func (export "push") (param i32) (global.set $all (struct.new $list (local.get 0) (global.get $all))))
    (func (export "byte") (param i32) (result i32)
        (array.get_u $bytes (global.get $text) (i32.rem_u (local.get 0) (i32.const 100)))))"#;
