;; Code that names an active or a declared segment finds both empty, before and after.
;; init: init
;; call: active(1)
;; call: declared(1)
;; call: active(0)
;; call: declared(0)
;; call: call(0)
(module
  (type $t (func (result i32)))
  (table 4 funcref)
  (elem $active (i32.const 1) func $a)
  (elem $declared declare func $b)
  (func $a (type $t) (i32.const 5))
  (func $b (type $t) (i32.const 6))
  (func (export "init") (table.set (i32.const 0) (ref.func $b)))
  (func (export "active") (param i32) (table.init $active (i32.const 2) (i32.const 0) (local.get 0)))
  (func (export "declared") (param i32) (table.init $declared (i32.const 2) (i32.const 0) (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
