;; The same mutable global imported twice: both see the value, which is set twice.
;; init: init
;; preload: env=providers/state.wat
;; call: get()
(module
  (import "env" "counter" (global $a (mut i32)))
  (import "env" "counter" (global $b (mut i32)))
  (func (export "init") (global.set $a (i32.const 8)))
  (func (export "get") (result i32 i32) (global.get $a) (global.get $b)))
