;; No element section is left.
;; init: init
;; call: call(0)
(module
  (type $t (func (result i32)))
  (table 2 funcref)
  (elem (i32.const 0) func $a $a)
  (func $a (type $t) (i32.const 10))
  (func (export "init") (table.fill (i32.const 0) (ref.null func) (i32.const 2)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
