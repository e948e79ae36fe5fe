;; init: init
;; call: f()
(module
  (type $t (func))
  (memory (export "memory") 1)
  (table (export "table") 2 funcref)
  (global $g (export "mutable") (mut i32) (i32.const 1))
  (global (export "constant") i64 (i64.const 2))
  (tag (export "tag") (param i32))
  (func (export "init")
    (global.set $g (i32.const 5))
    (table.set (i32.const 1) (ref.func $f))
    (i32.store (i32.const 0) (i32.const 6)))
  (func $f (export "f") (export "also f") (export "") (result i32) (global.get $g)))
