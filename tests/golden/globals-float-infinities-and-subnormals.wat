;; init: init
;; call: bits(0)
;; call: bits(1)
;; call: bits(2)
(module
  (global $infinity (export "infinity") (mut f32) (f32.const 0))
  (global $subnormal (export "subnormal") (mut f64) (f64.const 0))
  (global $unchanged (export "unchanged") (mut f64) (f64.const -nan:0xabc))
  (func (export "init")
    (global.set $infinity (f32.const -inf))
    (global.set $subnormal (f64.const -0x0.0000000000001p-1022)))
  (func (export "bits") (param i32) (result i64)
    (if (i32.eqz (local.get 0))
      (then (return (i64.extend_i32_u (i32.reinterpret_f32 (global.get $infinity))))))
    (i64.reinterpret_f64
      (select (global.get $subnormal) (global.get $unchanged) (i32.eq (local.get 0) (i32.const 1))))))
