;; A memory and a global, and functions before and after that of init.
;; init: wizer-initialize
;; call: count()
;; call: count()
;; call: byte(17)
(component
  (core module $m
    (memory 1)
    (global $count (mut i32) (i32.const 1))
    (data (i32.const 16) "ab")
    (func (export "init") (i32.store8 (i32.const 17) (i32.const 7)) (global.set $count (i32.const 40)))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
    (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "byte") (param "at" u32) (result u32) (canon lift (core func $i "byte")))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "count") (result s32) (canon lift (core func $i "count"))))
