;; init: init
;; preload: env=providers/functions.wat
;; call: call(4)
(module
  (type $t (func (param i32) (result i32)))
  (import "env" "double" (func $double (type $t)))
  (global $g (mut funcref) (ref.null func))
  (table $scratch 1 funcref)
  (elem declare func $double)
  (func (export "init") (global.set $g (ref.func $double)))
  (func (export "call") (param i32) (result i32)
    (table.set $scratch (i32.const 0) (global.get $g))
    (call_indirect $scratch (type $t) (local.get 0) (i32.const 0))))
