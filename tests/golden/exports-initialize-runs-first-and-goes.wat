;; A reactor: `_initialize` runs once, before init, and is exported no more.
;; init: init
;; call: get()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 4))))
  (func (export "init") (global.set $n (i32.mul (global.get $n) (i32.const 3))))
  (func (export "get") (result i32) (global.get $n)))
