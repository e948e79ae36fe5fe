//! V8 as another engine, through Node.

use super::{COUNTER, assert_equal, files, keys, quick, verdict, wasm};
use preinit::Preinit;
use preinit::host::Access;
use preinit::stages::engine::Compiler;
use preinit::verify::{OtherEngine, Outcome, Script, VerifyOptions, verify};
use preinit_testing::test_program as program;
use std::sync::Arc;

/// Its start function does something else where a NaN has another sign.
const SIGNED: &str = r#"(module
    (memory 1)
    (global $sign (mut i32) (i32.const 0))
    (func $init (export "preinit") (global.set $sign (i32.const 1)))
    (func (export "get") (result i32) (global.get $sign)))"#;

const SIGNED_WRONG: &str = r#"(module
    (memory 1)
    (global $sign (mut i32) (i32.const 1))
    (func (global.set $sign (i32.const 1)))
    (func (export "get") (result i32) (global.get $sign))
    (func $start (global.set $sign (select (i32.const 1) (i32.const 2)
        (i32.gt_s (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))) (i32.const 0)))))
    (start $start))"#;

#[test(needs(Node))]
fn a_snapshot_that_is_right_on_one_family_of_engines_is_found() {
    let other_engines = vec![OtherEngine::V8, OtherEngine::Wasmi];
    let options = VerifyOptions { other_engines, ..quick() };
    let verdict = verdict(SIGNED, SIGNED_WRONG, &options);
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
    assert_eq!(verdict.differences[0].engines, ["v8"], "{verdict}");
    assert_eq!(keys(&verdict), ["step.0.result"], "{verdict}");
    assert_eq!(verdict.script.as_deref(), Some("get()\n"), "reduced on that engine too");
    assert!(verdict.to_string().contains("(on v8 only)"), "{verdict}");

    let engines = vec![Compiler::Cranelift];
    let verdict = self::verdict(SIGNED, SIGNED_WRONG, &VerifyOptions { engines, ..quick() });
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "nobody else was asked: {verdict}");
    assert!(verdict.differences.is_empty(), "{verdict}");
}

#[test(needs(Node))]
fn what_an_engine_does_with_the_original_too_is_no_difference() {
    let original = wasm(
        r#"(module
        (memory 1)
        (func (export "preinit") (i32.store (i32.const 0) (i32.const 1)))
        (func (export "sign") (result i32)
            (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0)))))"#,
    );
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let options = VerifyOptions { other_engines: vec![OtherEngine::V8], ..quick() };
    let verdict = verify(&original, &snapshot, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "it was asked for: {verdict}");
    let withdrawn = verdict.coverage.engines_skipped.iter().find(|skipped| skipped.name == "v8");
    let why = &withdrawn.unwrap_or_else(|| panic!("{verdict}")).why;
    assert!(why.contains("it runs the original in this way too: step.0.result is i32 -4194304"), "{why}");
}

#[test(needs(Node))]
fn v8_plays_along() {
    let other_engines = vec![OtherEngine::V8];
    let mut options = VerifyOptions { other_engines, ..quick() };
    let verdict = assert_equal(Preinit::new(), &wasm(COUNTER), &options);
    let v8 = verdict.coverage.engines.iter().find(|engine| engine.name == "v8").unwrap();
    assert!(v8.calls > 6 && v8.returned > 0 && v8.cut_short == 0, "{verdict}");

    let original = program("c/wasi_files.wasm");
    let (_directory, wasi) = files(Access::ReadOnly, b"typed in");
    let output = Preinit::new().wasi(wasi.clone()).run(&original).unwrap();
    options.scripts = vec![Script::parse("reread()\nquery(3)\nlisting(0)").unwrap()];
    options.host.wasi = Some(wasi);
    options.ledger = Some(Arc::new(output.ledger));
    let verdict = verify(&original, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let v8 = verdict.coverage.engines.iter().find(|engine| engine.name == "v8").unwrap();
    assert!(v8.host_calls > 0 && v8.cut_short == 0, "{verdict}");
}

/// The original, or the snapshot: its start function does something more where a NaN has a sign.
fn signed_state(vector: &str, start: &str) -> String {
    format!(
        r#"(module
        (memory 1)
        (table $t 3 funcref)
        (global $v (mut v128) (v128.const i64x2 {vector} 0))
        (global $f (mut funcref) (ref.null func))
        (data $d "data") (elem $e func $a)
        (elem declare func $b)
        (func $a) (func $b)
        (func (export "preinit") (global.set $v (v128.const i64x2 1 0)))
        (func (export "touch")
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (data.drop $d)
            (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e))
        (func (export "nothing"))
        {start})"#
    )
}

#[test(needs(Node))]
fn every_part_of_the_state_is_compared_there() {
    let scripts = vec![Script::parse("nothing()").unwrap()];
    let other_engines = vec![OtherEngine::V8];
    let options = VerifyOptions { sequences: 0, scripts, other_engines, ..quick() };
    let original = signed_state("0", "");
    let cases = [
        ("(nop)", None),
        ("(table.set $t (i32.const 1) (ref.func $b))", Some("table.0.1")),
        ("(drop (table.grow $t (ref.null func) (i32.const 1)))", Some("table.0.size")),
        ("(data.drop $d)", Some("data.0.dropped")),
        ("(elem.drop $e)", Some("element.0.dropped")),
        ("(global.set $v (v128.const i64x2 1 5))", Some("global.0")),
        ("(global.set $f (ref.func $b))", Some("global.1")),
        ("(drop (memory.grow (i32.const 1)))", Some("memory.0.size")),
        ("(i32.store (i32.const 70) (i32.const 3))", Some("memory.0.0x46")),
    ];
    for (change, key) in cases {
        let start = format!(
            "(func $start (if (i32.lt_s (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))) (i32.const 0))
                (then {change}))) (start $start)"
        );
        let verdict = verdict(&original, &signed_state("1", &start), &options);
        let expected: Vec<String> = key.iter().map(|key| format!("step.0.{key}")).collect();
        assert_eq!(keys(&verdict), expected, "{change}: {verdict}");
        assert!(verdict.differences.iter().all(|difference| difference.engines == ["v8"]), "{verdict}");
        assert!(verdict.coverage.engines_skipped.is_empty(), "{verdict}");
    }
}

#[test(needs(Node))]
fn what_javascript_cannot_see_is_said() {
    let original = wasm(
        r#"(module
        (type $pair (struct (field i32) (field (mut anyref))))
        (global $object (mut anyref) (ref.null any))
        (global $small (mut anyref) (ref.null any))
        (global $exception (mut exnref) (ref.null exn))
        (func (export "preinit")
            (global.set $object (struct.new $pair (i32.const 7) (ref.null any)))
            (global.set $small (ref.i31 (i32.const -9))))
        (func (export "get") (result i32)
            (struct.get $pair 0 (ref.cast (ref $pair) (global.get $object))))
        (func (export "vector") (result v128) (v128.const i64x2 1 2)))"#,
    );
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let scripts = vec![Script::parse("get()").unwrap(), Script::parse("vector()").unwrap()];
    let other_engines = vec![OtherEngine::V8];
    let options = VerifyOptions { sequences: 0, scripts, other_engines, ..quick() };
    let verdict = verify(&original, &snapshot, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let v8 = verdict.coverage.engines.iter().find(|engine| engine.name == "v8").unwrap();
    assert_eq!((v8.sequences, v8.cut_short), (2, 1), "{verdict}");
    let expected = [
        "NaN payloads",
        "kinds of traps",
        "what objects hold",
        "which object a reference points to",
        "references to exceptions",
    ];
    assert_eq!(v8.not_compared[..5], expected, "{verdict}");
    assert!(v8.not_compared[5].starts_with("calls that were cut short: "), "{verdict}");
}
