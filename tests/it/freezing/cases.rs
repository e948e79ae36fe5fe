//! Places and programs that deserve a test of their own.

use preinit::stages::freeze::FrameReader;
use preinit::stages::module::{Module, Space};
use preinit::{Error, Output, Preinit, wat_to_wasm};
use preinit_testing::freezing::machine::{Machine, engine, provider};

const STATE: u64 = 7;

pub fn binary(wat: &str) -> Vec<u8> {
    wat_to_wasm(wat.as_bytes()).unwrap().into_owned()
}

pub fn preinit(at: &str) -> Preinit {
    Preinit::new().preload("env", provider(STATE)).at(at.parse().unwrap())
}

/// Frozen both ways, with one outcome.
pub fn frozen(preinit: Preinit, wasm: &[u8]) -> Result<Output, Error> {
    let unwound = preinit.clone().frames(FrameReader::Unwind).run(wasm);
    let inspected = preinit.frames(FrameReader::Inspect).run(wasm);
    match (&unwound, &inspected) {
        (Ok(unwound), Ok(inspected)) => assert!(unwound.wasm == inspected.wasm),
        (Err(unwound), Err(inspected)) => assert_eq!(unwound.to_string(), inspected.to_string()),
        (unwound, inspected) => panic!("{unwound:?}, but {inspected:?}"),
    }
    unwound
}

/// The frozen module goes on where the original is after `made` host calls, and a second call is as the original's.
pub fn goes_on(wat: &str, preinit: Preinit, entry: &str, made: usize) -> Output {
    let wasm = binary(wat);
    let output = frozen(preinit, &wasm).unwrap();
    resumes(&wasm, &output, entry, made);
    output
}

fn resumes(wasm: &[u8], output: &Output, entry: &str, made: usize) {
    let engine = engine();
    let mut original = Machine::new(&engine, wasm, STATE);
    let mut first = original.call(entry);
    let state = first.calls.get(made).map_or(STATE, |call| call.state);
    first.calls.drain(..made);
    let mut frozen = Machine::new(&engine, &output.wasm, state);
    assert_eq!(frozen.call(entry), first);
    assert_eq!(frozen.call(entry), original.call(entry));
}

const RECURSION: &str = r#"(module
    (import "env" "a" (func $a (param i32) (result i32)))
    (global (export "sum") (mut i32) (i32.const 0))
    (func $down (param $n i32) (param $below i64) (result i32)
        (if (result i32) (i32.eqz (local.get $n))
            (then (call $a (i32.const 1000)))
            (else
                (local.get $n)
                (call $down (i32.sub (local.get $n) (i32.const 1)) (i64.extend_i32_u (local.get $n)))
                (i32.mul))))
    (func $entry (export "_start")
        (drop (call $a (i32.const 1)))
        (global.set 0 (call $down (i32.const 5) (i64.const 9)))))"#;

#[test]
fn a_function_is_entered_for_the_third_time() {
    let output = goes_on(RECURSION, preinit("call:down#3"), "_start", 1);
    let frozen = output.report.frozen.unwrap();
    assert_eq!(frozen.frames, 3, "_start and two rounds");
    assert_eq!(frozen.call, "function 1 ($down)(i32 3, i64 4)");
}

#[test]
fn names_of_the_added_functions() {
    let output = goes_on(RECURSION, preinit("env.a(1000)"), "_start", 1);
    let module = Module::parse(&output.wasm).unwrap();
    let names = module.names();
    let added: Vec<&str> =
        (3..module.functions.len() as u32).filter_map(|index| names.get(Space::Function, index)).collect();
    let mut expected = vec!["resume:a"];
    expected.extend([["resume:down"; 6].as_slice(), &["resume:entry", "resume-once:entry"]].concat());
    assert_eq!(added, expected);
}

#[test]
fn a_module_without_names_gets_some() {
    let wat = r#"(module
        (import "env" "c" (func))
        (func (export "_start") (call 0)))"#;
    let output = goes_on(wat, preinit("env.c"), "_start", 0);
    let module = Module::parse(&output.wasm).unwrap();
    assert_eq!(module.names().get(Space::Function, 3), Some("resume:function 1"));
}

#[test]
fn an_export_is_entered() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (global (export "sum") (mut i32) (i32.const 0))
        (func $f (export "preinit_checkpoint") (param i32 f64) (result i32)
            (i32.add (local.get 0) (call $a (i32.const 3))))
        (func (export "_start")
            (global.set 0 (call $a (i32.const 1)))
            (global.set 0 (i32.add (global.get 0) (call $f (i32.const 9) (f64.const 2.5))))))"#;
    goes_on(wat, preinit("export:preinit_checkpoint"), "_start", 1);
    let output = goes_on(wat, preinit("checkpoint"), "_start", 1);
    assert_eq!(output.report.frozen.unwrap().call, "function 1 ($f)(i32 9, f64 2.5 (0x4004000000000000))");
    // The entry itself: nothing is in progress yet.
    let output = goes_on(wat, preinit("export:_start"), "_start", 0);
    assert_eq!(output.report.frozen.unwrap().frames, 0);
}

#[test]
fn in_an_init_function_with_results_after_others_have_returned() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (global (export "made") (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set 0 (i32.const 5)))
        (func (export "first") (global.set 0 (i32.add (global.get 0) (i32.const 1))))
        (func $second (export "second") (export "alias") (result i64 f32)
            (i64.const 11)
            (f32.convert_i32_s (i32.add (global.get 0) (call $a (global.get 0)))))
        (func (export "third")))"#;
    let preinit = preinit("env.a").init_function("first").init_function("second").init_function("third");
    let wasm = binary(wat);
    let output = frozen(preinit, &wasm).unwrap();
    let module = Module::parse(&output.wasm).unwrap();
    let exports: Vec<&str> = module.exports.iter().map(|export| export.name).collect();
    assert_eq!(exports, ["made", "second", "alias", "third"], "what has returned is gone");

    let engine = engine();
    let mut original = Machine::new(&engine, &wasm, STATE);
    original.call("_initialize");
    original.call("first");
    let mut frozen = Machine::new(&engine, &output.wasm, STATE);
    assert_eq!(frozen.call("alias"), original.call("second"), "under either name");
    assert_eq!(frozen.call("second"), original.call("second"));
}

#[test]
fn tail_calls_leave_no_frame() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (import "env" "d" (func $d (param i32) (result f32 i32)))
        (global (export "sum") (mut i32) (i32.const 0))
        (table funcref (elem $a))
        (type $t (func (param i32) (result i32)))
        (func $last (param i64) (result i32) (return_call $a (i32.wrap_i64 (local.get 0))))
        (func $middle (param i32) (result i32) (return_call $last (i64.const 77)))
        (func $indirect (param i32) (result i32)
            (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
        (func (export "_start")
            (global.set 0 (i32.add (i32.const 5) (call $middle (i32.const 3))))
            (global.set 0 (i32.sub (global.get 0) (call $indirect (i32.const 4))))))"#;
    let output = goes_on(wat, preinit("env.a(77)"), "_start", 0);
    assert_eq!(output.report.frozen.unwrap().frames, 1);
    goes_on(wat, preinit("env.a(4)"), "_start", 1);
}

#[test]
fn what_the_rest_of_the_code_refers_to_is_still_there() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (memory (export "memory") 1)
        (memory $wide (export "wide") i64 1)
        (table $t 4 funcref)
        (data $d "passive")
        (elem $e func $f)
        (type $v (func (result i32)))
        (func $f (result i32) (i32.const 42))
        (func (export "_start") (local $kept funcref) (local $far (ref null $v)) (local $sure (ref $v))
            (local $vector v128)
            (local.set $kept (ref.func $f))
            (local.set $sure (ref.func $f))
            (local.set $vector (v128.const i64x2 1 -2))
            (i64.store $wide (i64.const 8) (i64.const 5))
            (drop (memory.grow (i32.const 1)))
            (ref.func $f)
            (drop (call $a (i32.const 1)))
            (call_ref $v)
            (drop)
            (memory.init $d (i32.const 100) (i32.const 0) (i32.const 7))
            (data.drop $d)
            (table.init $t $e (i32.const 2) (i32.const 0) (i32.const 1))
            (table.set $t (i32.const 1) (local.get $kept))
            (i32.store (i32.const 0) (call_indirect $t (type $v) (i32.const 2)))
            (i32.store (i32.const 4) (call_indirect $t (type $v) (i32.const 1)))
            (i32.store (i32.const 8) (call_ref $v (local.get $sure)))
            (v128.store (i32.const 16) (local.get $vector))
            (i32.store (i32.const 32) (ref.is_null (local.get $far)))))"#;
    let wasm = binary(wat);
    let output = frozen(preinit("env.a"), &wasm).unwrap();
    let engine = engine();
    let mut original = Machine::new(&engine, &wasm, STATE);
    let mut frozen = Machine::new(&engine, &output.wasm, STATE);
    // A second call traps: the segment is dropped.
    for _ in 0..2 {
        assert_eq!(frozen.call("_start"), original.call("_start"));
    }
}

#[test]
fn i31_in_frames() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (global (export "sum") (mut i32) (i32.const 0))
        (func (export "_start") (local $x (ref i31)) (local $y anyref) (local $z externref)
            (local.set $x (ref.i31 (i32.const -5)))
            (local.set $y (ref.i31 (i32.const 77)))
            (local.set $z (extern.convert_any (local.get $x)))
            (drop (call $a (i32.const 1)))
            (global.set 0 (i32.add (i31.get_s (local.get $x))
                (i31.get_u (ref.cast (ref i31) (local.get $y)))))
            (global.set 0 (i32.mul (global.get 0)
                (i31.get_s (ref.cast (ref i31) (any.convert_extern (local.get $z))))))))"#;
    goes_on(wat, preinit("env.a"), "_start", 0);
}

#[test]
fn renamed_and_snapshotted_further() {
    let output = goes_on(RECURSION, preinit("env.a(1000)"), "_start", 1);
    let renamed = preinit("env.a(1000)").rename("main", "_start").run(&binary(RECURSION)).unwrap();
    let module = Module::parse(&renamed.wasm).unwrap();
    assert!(module.export("main").is_some() && module.export("_start").is_none());

    // A snapshot of the frozen module after the rest has run: its entry is the original's now.
    let done = Preinit::new()
        .stub_all(true)
        .init_function("_start")
        .keep_init_functions(true)
        .run(&output.wasm)
        .unwrap();
    let engine = engine();
    let (mut again, mut original) =
        (Machine::new(&engine, &done.wasm, STATE), Machine::new(&engine, &binary(RECURSION), STATE));
    assert_eq!(again.call("_start"), original.call("_start"));
}

#[test]
fn optimized() {
    let output = goes_on(RECURSION, preinit("env.a(1000)").optimize(true), "_start", 1);
    assert_eq!(output.report.compiler, "cranelift, optimizing");
}

/// Instrumentation has no room for so many operands beside so many locals.
#[test]
fn locals_and_operands_up_to_the_limit() {
    const MANY: usize = 26_000;
    let locals = "i32 ".repeat(MANY);
    let set: String =
        (0..MANY).step_by(1000).map(|at| format!("(local.set {at} (i32.const {}))", at + 1)).collect();
    let (operands, add) = ("i32.const 3 ".repeat(MANY), "i32.add ".repeat(MANY));
    let wat = format!(
        r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (global (export "sum") (mut i32) (i32.const 0))
        (func (export "_start") (local {locals}) {set}
            {operands} (call $a (i32.const 5)) {add}
            (global.set 0 (i32.mul (local.get 7000)))))"#
    );
    let output = goes_on(&wat, preinit("env.a"), "_start", 0);
    assert_eq!(output.report.frozen.unwrap().reader, "the debugging interface");
}

/// Many calls in one function share the locals that hold their operands.
#[test]
fn a_function_in_progress_at_hundreds_of_places() {
    const PLACES: usize = 300;
    let calls: String = (0..PLACES)
        .map(|at| {
            format!(
                "(if (i32.eq (local.get 0) (i32.const {at})) (then (return \
                 (i32.add (i32.const {at}) (call $f (i32.const {})))))) ",
                at + 1
            )
        })
        .collect();
    let wat = format!(
        r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (global (export "sum") (mut i32) (i32.const 0))
        (func $f (param i32) (result i32) {calls} (i32.mul (i32.const 7) (call $a (i32.const 1))))
        (func (export "_start") (global.set 0 (call $f (i32.const 0)))))"#
    );
    let output = goes_on(&wat, preinit("env.a"), "_start", 0);
    assert_eq!(output.report.frozen.unwrap().frames, PLACES + 2);
}

/// Operands of both arms, below and above what the arms take.
#[test]
fn arms_with_parameters() {
    let nested = r#"
        (i32.const 100) (i32.const 20) (i32.const 3) (i32.const CHOICE)
        (if (param i32 i32) (result i32)
            (then (i32.add) (i32.const 4) (call $a (i32.const 1)) (i32.const CHOICE)
                (if (param i32 i32) (result i32)
                    (then (i32.const 9) (call $a (i32.const 2)) (i32.sub) (i32.sub) (i32.sub))
                    (else (i32.const 9) (call $a (i32.const 2)) (i32.xor) (i32.xor) (i32.xor)))
                (i32.sub))
            (else (i32.const 6) (call $a (i32.const 3)) (i32.sub) (i32.sub) (i32.sub)))
        (i32.sub) (global.set 0)"#;
    for choice in ["0", "1"] {
        let code = nested.replace("CHOICE", choice);
        let wat = format!(
            r#"(module
            (import "env" "a" (func $a (param i32) (result i32)))
            (global (export "sum") (mut i32) (i32.const 0))
            (func (export "_start") {code}))"#
        );
        goes_on(&wat, preinit("env.a"), "_start", 0);
        if choice == "1" {
            // The engine shows a copy of what one of the first arms takes, and either can be it.
            let wasm = binary(&wat);
            let refused = preinit("env.a#2").frames(FrameReader::Inspect).run(&wasm).unwrap_err();
            assert!(refused.is_refusal() && refused.to_string().contains("in the first arm of an `if`"));
            let output = preinit("env.a#2").frames(FrameReader::Unwind).run(&wasm).unwrap();
            resumes(&wasm, &output, "_start", 1);
        }
    }
}
