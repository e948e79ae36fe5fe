//! Validation of outputs skips bodies that were validated in the input; it must not accept more for it.

use preinit::stages::module::Module;
use preinit::{Options, Preinit};

/// Bodies that depend on all that surrounds them.
const MODULE: &str = r#"(module
    (type $pair (func (param i32 i64) (result f32)))
    (type $unary (func (param i32) (result i32)))
    (import "env" "f" (func $imported (type $unary)))
    (memory 1) (memory i64 1)
    (table $functions 3 funcref) (table $externs 2 externref)
    (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2)) (global $c i32 (i32.const 3))
    (tag $t (param i32))
    (elem $passive func $f $g) (elem (table $functions) (i32.const 0) func $g) (elem declare func $f)
    (data $d "passive") (data (i32.const 8) "active")
    (func $f (type $unary) (i32.add (local.get 0) (global.get $c)))
    (func $g (type $pair) (f32.convert_i32_s (i32.wrap_i64 (i64.add (local.get 1) (global.get $l)))))
    (func (export "preinit")
      (global.set $i (i32.load (i32.const 8)))
      (i64.store 1 (i64.const 16) (i64.const 77))
      (table.set $functions (i32.const 2) (ref.func $f))
      (data.drop $d))
    (func (export "all") (result i32)
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
      (table.init $functions $passive (i32.const 0) (i32.const 0) (i32.const 1))
      (table.set $externs (i32.const 0) (ref.null extern))
      (drop (call_indirect $functions (type $pair) (i32.const 1) (i64.const 2) (i32.const 0)))
      (drop (memory.size 1))
      (block $caught (result i32)
        (try_table (catch $t $caught) (throw $t (call $imported (i32.const 1))))
        (i32.const 0))))"#;

#[test]
fn skipping_known_bodies_accepts_no_more() {
    let wasm = wat::parse_str(MODULE).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let output = Preinit::from(Options::default()).stub_all(true).run(&wasm).unwrap().wasm;
    module.validate_rewritten(&output).unwrap();
    let (mut accepted, mut rejected) = (0, 0);
    let mut agree = |bytes: &[u8], what: String| {
        let (skipping, whole) = (module.validate_rewritten(bytes), Module::parse(bytes));
        match whole {
            Ok(_) => accepted += 1,
            Err(_) => rejected += 1,
        }
        assert_eq!(skipping.is_ok(), whole.is_ok(), "{what}: {skipping:?} but {:?}", whole.err());
    };
    for at in 8..output.len() {
        for value in
            [0, 1, 2, 3, 0x6f, 0x70, 0x7c, 0x7d, 0x7e, 0x7f, output[at] ^ 1, output[at].wrapping_add(1)]
        {
            let mut bytes = output.clone();
            bytes[at] = value;
            agree(&bytes, format!("byte {at:#x} = {value:#x}"));
        }
        agree(&output[..at], format!("the first {at} bytes"));
    }
    assert!(accepted > 200 && rejected > 2000, "{accepted} accepted, {rejected} rejected");
}
