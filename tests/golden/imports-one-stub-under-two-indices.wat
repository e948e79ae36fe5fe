;; A stubbed global is one thing however often it is imported, as it is with every embedder.
;; init: init
;; stub: env.flag
;; call: get()
(module
  (import "env" "flag" (global $a (mut i32)))
  (import "env" "flag" (global $b (mut i32)))
  (func (export "init")
    (global.set $a (i32.const 3))
    (global.set $b (i32.mul (global.get $b) (i32.const 2))))
  (func (export "get") (result i32 i32) (global.get $a) (global.get $b)))
