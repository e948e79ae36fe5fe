;; Callers of any length: a body that is long enough keeps its place and length, a shorter one grows, so that code moves.
(module
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (memory 1)
  (func (export "short") (param i32 i64 f32) (result i32) (call $ask (i32.const 1)))
  (func (export "long") (param i32 i64) (result i32)
    (i32.store (i32.const 0) (call $ask (local.get 0)))
    (i32.store (i32.const 4) (call $ask (i32.wrap_i64 (local.get 1))))
    (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (func (export "other") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))
