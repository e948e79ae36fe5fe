//! A module with every byte changed in turn.

use preinit_testing::property::hostile::check;

/// A module with something to lose, changed at every byte in turn.
#[test]
fn hostile_bytes_are_refused_or_give_a_snapshot() {
    let text = r#"(module
        (import "env" "memory" (memory 1 3)) (import "wasi_snapshot_preview1" "sched_yield" (func $y (result i32)))
        (table $t 2 4 funcref) (global $g (mut i64) (i64.const 5)) (elem $p func $f) (data $d "passive")
        (func $f (export "f") (memory.init $d (i32.const 0) (i32.const 1) (i32.const 3)) (data.drop $d)
          (table.init $p (i32.const 1) (i32.const 0) (i32.const 1)) (global.set $g (i64.const -1)))
        (func (export "g") (drop (call $y)) (call $f)))"#;
    let wasm = wat::parse_str(text).unwrap();
    let mut accepted = 0;
    for at in 0..wasm.len() {
        for flags in [0b0110, 0b1001] {
            let mut bytes = vec![flags, at as u8];
            bytes.extend_from_slice(&wasm);
            bytes[2 + at] = bytes[2 + at].wrapping_add(1 << (at % 8));
            accepted += usize::from(check(&bytes));
        }
    }
    assert!(accepted > 20, "some changes leave a module: {accepted}");
    assert!(!check(b""));
    assert!(!check(b"\0\0(module (func (export \"f\") (unreachable)))"), "it traps");
    assert!(check(b"\0\0(module (func (export \"f\")))"), "text is read too");
}
