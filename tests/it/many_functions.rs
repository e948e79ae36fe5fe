//! A module of so many functions that they are not exported one by one.

use preinit::stages::module::Module;
use preinit::stages::probe::{Probe, ProbeOptions, Probed};
use preinit::{Preinit, wat_to_wasm};
use preinit_testing::guest::{Guest, World, compile};
use wasmtime::Engine;

const COUNT: usize = 10_001;

/// Functions that answer with their number, the first of them imported; init turns the table around, and leaves the last one, whose
/// reference is in a global, out of it.
fn module() -> Vec<u8> {
    use std::fmt::Write;
    let mut text = String::from(
        r#"(module (type $f (func (result i32)))
        (import "env" "imported" (func $imported (type $f)))
        (table $t "#,
    );
    let _ = write!(
        text,
        "{COUNT} funcref) (global $last (mut funcref) (ref.null func)) (elem (i32.const 0) func $imported"
    );
    for number in 1..COUNT {
        let _ = write!(text, " $f{number}");
    }
    text.push(')');
    for number in 1..COUNT {
        let _ = write!(text, "(func $f{number} (type $f) (i32.const {number}))");
    }
    let _ = write!(
        text,
        r#"(func (export "preinit") (local $i i32) (local $f funcref)
            (loop $again
              (local.set $f (table.get $t (local.get $i)))
              (table.set $t (local.get $i) (table.get $t (i32.sub (i32.const {last}) (local.get $i))))
              (table.set $t (i32.sub (i32.const {last}) (local.get $i)) (local.get $f))
              (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {half}))))
            (global.set $last (table.get $t (i32.const 0)))
            (table.set $t (i32.const 0) (ref.null func)))
          (func (export "query") (param i32) (result i32) (call_indirect $t (type $f) (local.get 0)))
          (func (export "last") (result i32)
            (table.set $t (i32.const 0) (global.get $last)) (call_indirect $t (type $f) (i32.const 0))))"#,
        last = COUNT - 1,
        half = COUNT / 2,
    );
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

#[test]
fn they_are_told_apart() {
    let wasm = module();
    let output = Preinit::new().stub("env", "imported").run(&wasm).unwrap();
    let exports = Module::parse(&output.wasm).unwrap().exports.len();
    assert_eq!(exports, 2, "what shows the state is not in the snapshot");
    let engine = Engine::default();
    let env = br#"(module (func (export "imported") (result i32) (i32.const 0)))"#;
    let env = compile(&engine, &wat_to_wasm(env).unwrap());
    let mut guest = Guest::start_with(&compile(&engine, &output.wasm), &World::default(), &[], Some(&env));
    for slot in [1, 2, 4999, 5000, 5001, 9999, 10_000] {
        assert_eq!(guest.value("query", &[slot]), (COUNT as i64 - 1) - i64::from(slot), "{slot}");
    }
    assert_eq!(guest.value("last", &[]), COUNT as i64 - 1);
}

/// By name, each would cost some hundred bytes.
#[test]
fn they_are_not_exported() {
    let wasm = module();
    let module = Module::parse(&wasm).unwrap();
    let options =
        ProbeOptions { functions: vec![7, 7, 3], tables_functions: true, ..ProbeOptions::default() };
    let probed = Probed::with(&module, &options).unwrap();
    assert!(probed.tables_functions);
    let shown = Module::parse(&probed.wasm).unwrap();
    assert!(shown.exports.len() < 12);
    for probe in [Probe::Function(3), Probe::Function(7), Probe::Functions] {
        assert!(shown.export(&probed.export_name(probe)).is_some());
    }
    assert!(shown.export(&probed.export_name(Probe::Function(4))).is_none());
}
