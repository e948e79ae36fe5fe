;; A function that init does not call needs no provider; nothing calls it later either.
;; init: init
;; call: get()
;; call: call()
(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "tag" (func $other (result f64)))
  (global $n (mut i32) (i32.const 1))
  (func (export "init") (global.set $n (i32.const 2)))
  (func (export "get") (result i32) (global.get $n))
  (func (export "call") (call $log (i32.const 1)) (drop (call $other))))
