;; init: init
;; call: get()
(module
  (global $low (mut i64) (i64.const 0))
  (global $high (mut i64) (i64.const 0))
  (func (export "init")
    (i64.mul_wide_s (i64.extend8_s (i64.const 0xff)) (i64.const 3))
    (global.set $high) (global.set $low))
  (func (export "get") (result i64 i64) (global.get $low) (global.get $high)))
