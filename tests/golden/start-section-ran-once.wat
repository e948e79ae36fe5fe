;; What the start function did is in the snapshot, and it does not do it again.
;; init: init
;; call: count()
(module
  (global $n (mut i32) (i32.const 0))
  (start $start)
  (func $start (global.set $n (i32.add (global.get $n) (i32.const 1))))
  (func (export "init") (global.set $n (i32.mul (global.get $n) (i32.const 10))))
  (func (export "count") (result i32) (global.get $n)))
