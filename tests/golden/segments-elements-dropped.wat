;; Dropped by elem.drop, while the slots that it filled stay.
;; init: init
;; call: call(0)
;; call: use(0)
;; call: use(1)
(module
  (type $t (func (result i32)))
  (table 2 funcref)
  (elem $e func $a)
  (func $a (type $t) (i32.const 5))
  (func (export "init")
    (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
    (elem.drop $e))
  (func (export "use") (param i32) (table.init $e (i32.const 1) (i32.const 0) (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
