;; init: b
;; init: a
;; init: b
;; call: get()
(module
  (global $n (mut i32) (i32.const 2))
  (func (export "a") (global.set $n (i32.add (global.get $n) (i32.const 5))))
  (func (export "b") (global.set $n (i32.mul (global.get $n) (i32.const 3))))
  (func (export "get") (result i32) (global.get $n)))
