;; Init writes and grows a table with functions of the module that owns it.
;; init: wizer-initialize
;; call: indirect(0)
;; call: indirect(1)
;; call: indirect(3)
(component
  (core module $m
    (table $t 2 funcref)
    (elem (i32.const 0) func $one $two)
    (func $one (result i32) (i32.const 1))
    (func $two (result i32) (i32.const 2))
    (func (export "init")
      (table.set $t (i32.const 0) (ref.func $two))
      (drop (table.grow $t (ref.func $one) (i32.const 2))))
    (func (export "indirect") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "indirect") (param "slot" u32) (result u32) (canon lift (core func $i "indirect"))))
