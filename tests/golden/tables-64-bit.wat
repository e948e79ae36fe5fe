;; A table with 64-bit indices: offsets are i64 constants.
;; init: init
;; call: call(0)
;; call: call(3)
;; call: size()
(module
  (type $t (func (result i32)))
  (table $t i64 2 8 funcref)
  (elem (table $t) (i64.const 0) func $a $b)
  (func $a (type $t) (i32.const 1))
  (func $b (type $t) (i32.const 2))
  (func (export "init")
    (drop (table.grow $t (ref.func $b) (i64.const 2)))
    (table.set $t (i64.const 0) (ref.null func)))
  (func (export "call") (param i64) (result i32) (call_indirect $t (type $t) (local.get 0)))
  (func (export "size") (result i64) (table.size $t)))
