;; The provider's table holds a function that nobody imports. It was not moved, so it need not be named.
;; init: init
;; preload: env=providers/private.wat
;; call: call(0)
;; call: call(1)
(module
  (type $t (func (result i32)))
  (import "env" "table" (table 2 funcref))
  (import "env" "callback" (global $callback (mut funcref)))
  (elem (i32.const 1) func $own)
  (func $own (type $t) (i32.const 50))
  (func (export "init"))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
