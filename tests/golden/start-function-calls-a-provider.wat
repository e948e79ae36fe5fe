;; A start function of the original that uses what it imports.
;; init: init
;; preload: env=providers/functions.wat
;; call: get()
(module
  (import "env" "double" (func $double (param i32) (result i32)))
  (global $n (mut i32) (i32.const 3))
  (start $start)
  (func $start (global.set $n (call $double (global.get $n))))
  (func (export "init") (global.set $n (call $double (global.get $n))))
  (func (export "get") (result i32) (call $double (global.get $n))))
