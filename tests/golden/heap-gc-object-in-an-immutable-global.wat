;; Made by the initializer; but it is mutable, and its fields are state that an expression does not hold.
;; init: init
;; call: get()
;; call: bump()
;; call: bump()
(module
  (type $box (struct (field (mut i32))))
  (global $shared (ref $box) (struct.new $box (i32.const 5)))
  (global $n (mut i32) (i32.const 0))
  (func (export "init") (global.set $n (i32.const 1)))
  (func (export "bump") (result i32)
    (struct.set $box 0 (global.get $shared) (i32.add (struct.get $box 0 (global.get $shared)) (i32.const 1)))
    (struct.get $box 0 (global.get $shared)))
  (func (export "get") (result i32) (i32.add (struct.get $box 0 (global.get $shared)) (global.get $n)))
)
