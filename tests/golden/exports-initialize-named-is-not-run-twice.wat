;; init: _initialize
;; call: get()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 4))))
  (func (export "get") (result i32) (global.get $n)))
