;; The start function is exported too, and init calls it by that name: it has run twice.
;; init: again
;; call: count()
(module
  (global $count (mut i32) (i32.const 0))
  (func $again (export "again") (global.set $count (i32.add (global.get $count) (i32.const 1))))
  (start $again)
  (func (export "count") (result i32) (global.get $count)))
