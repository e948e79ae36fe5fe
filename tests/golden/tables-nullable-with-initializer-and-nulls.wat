;; The initializer fills every slot of the grown table, so nulls have to be written down.
;; init: init
;; call: call(0)
;; call: call(1)
;; call: call(2)
(module
  (type $t (func (result i32)))
  (table $t 2 funcref (ref.func $a))
  (func $a (type $t) (i32.const 1))
  (func (export "init")
    (table.set $t (i32.const 1) (ref.null func))
    (drop (table.grow $t (ref.null func) (i32.const 1))))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $t) (local.get 0))))
