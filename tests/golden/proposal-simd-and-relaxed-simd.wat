;; Vectors in memory and in a global; relaxed operations answer deterministically.
;; init: init
;; call: load(0)
;; call: get()
;; call: madd()
(module
  (memory 1)
  (global $v (mut v128) (v128.const i64x2 0 0))
  (func (export "init")
    (global.set $v (i32x4.add (v128.const i32x4 1 2 3 4) (v128.const i32x4 10 20 30 -5)))
    (v128.store (i32.const 0)
      (i8x16.relaxed_swizzle (global.get $v) (v128.const i8x16 0 4 8 12 0 4 8 12 15 14 13 12 3 2 1 0))))
  (func (export "load") (param i32) (result v128) (v128.load (local.get 0)))
  (func (export "get") (result v128) (global.get $v))
  (func (export "madd") (result v128)
    (f32x4.relaxed_madd (f32x4.splat (f32.const 2)) (f32x4.splat (f32.const 3)) (f32x4.splat (f32.const 4)))))
