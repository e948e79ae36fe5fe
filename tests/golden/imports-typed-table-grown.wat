;; A kept import that cannot hold null is grown with one of its own functions.
;; init: init
;; preload: env=providers/typed.wat
;; call: call(0)
;; call: call(1)
;; call: call(2)
(module
  (type $t (func (result i32)))
  (import "env" "table" (table 1 (ref $t)))
  (elem declare func $own $other)
  (func $own (type $t) (i32.const 50))
  (func $other (type $t) (i32.const 51))
  (func (export "init")
    (drop (table.grow (ref.func $own) (i32.const 2)))
    (table.set (i32.const 2) (ref.func $other)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
