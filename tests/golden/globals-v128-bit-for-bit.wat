;; A vector whose lanes are a signalling NaN, -0.0 and the highest bit.
;; init: init
;; call: v()
(module
  (global $v (export "global") (mut v128) (v128.const i64x2 0 0))
  (func (export "init") (global.set $v (v128.const i32x4 0x7f800001 0x80000000 0xffffffff 0x80000000)))
  (func (export "v") (result v128) (global.get $v)))
