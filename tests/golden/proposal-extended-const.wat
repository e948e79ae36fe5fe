;; Arithmetic in constant expressions, also over an imported global and in offsets.
;; init: init
;; preload: env=providers/constants.wat
;; call: get()
;; call: load(52)
(module
  (import "env" "base" (global $base i32))
  (memory 1)
  (global $a i64 (i64.mul (i64.const 6) (i64.sub (i64.const 10) (i64.const 3))))
  (global $b (mut i32) (i32.add (global.get $base) (i32.const 4)))
  (data (i32.add (global.get $base) (i32.const 4)) "here")
  (func (export "init") (i32.store8 (i32.const 53) (i32.const 0x2d)))
  (func (export "get") (result i64 i32) (global.get $a) (global.get $b))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
