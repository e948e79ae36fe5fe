;; An asynchronous init that waits for something that nobody does.
;; init: init
(component
  (core module $m
    (import "" "new" (func $new (result i32)))
    (func (export "init") (result i32) (i32.or (i32.const 2) (i32.shl (call $new) (i32.const 4))))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core func $new (canon waitable-set.new))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
  (func (export "init") async (canon lift (core func $i "init") async (callback (func $i "callback")))))
