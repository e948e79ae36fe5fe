;; init: init
;; stub: env.answer
;; call: get()
(module
  (import "env" "answer" (func $answer (result i64)))
  (global $n (mut i64) (i64.const 1))
  (func (export "init") (global.set $n (i64.add (call $answer) (i64.const 2))))
  (func (export "get") (result i64) (i64.add (global.get $n) (call $answer))))
