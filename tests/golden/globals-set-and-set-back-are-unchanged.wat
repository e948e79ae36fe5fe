;; The value decides and not that there was a write: the initializer stays the expression that it was.
;; init: init
;; call: get()
(module
  (global $base i32 (i32.const 40))
  (global $g (mut i32) (i32.add (global.get $base) (i32.const 2)))
  (func (export "init")
    (global.set $g (i32.const 0))
    (global.set $g (i32.const 42)))
  (func (export "get") (result i32) (global.get $g)))
