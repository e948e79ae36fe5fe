;; The init function itself is renamed: it stays, under the new name. `_initialize` may be a name in the output.
;; init: init
;; rename: _initialize=init
;; call: get()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "init") (global.set $n (i32.add (global.get $n) (i32.const 10))))
  (func (export "get") (result i32) (global.get $n)))
