;; No slot may be null: the initializer stays, changed and grown slots are written over it.
;; init: init
;; call: call(0)
;; call: call(1)
;; call: call(2)
;; call: call(3)
;; call: call(4)
(module
  (type $t (func (result i32)))
  (table $t 3 9 (ref $t) (ref.func $a))
  (elem declare func $b)
  (func $a (type $t) (i32.const 1))
  (func $b (type $t) (i32.const 2))
  (func (export "init")
    (table.set $t (i32.const 1) (ref.func $b))
    (drop (table.grow $t (ref.func $b) (i32.const 1))))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $t) (local.get 0))))
