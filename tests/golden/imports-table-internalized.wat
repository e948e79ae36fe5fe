;; Functions of the provider in the slots are imported ones, so they can be named.
;; init: init
;; options: internalize
;; preload: env=providers/state.wat
;; call: call(0)
;; call: call(1)
;; call: call(2)
;; call: call(3)
(module
  (type $t (func (result i32)))
  (import "env" "one" (func $one (type $t)))
  (import "env" "two" (func $two (type $t)))
  (import "env" "table" (table 4 funcref))
  (elem declare func $own)
  (func $own (type $t) (i32.const 50))
  (func (export "init") (table.set (i32.const 3) (ref.func $own)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
