;; A set of waitables is left, but no task that waits for it.
;; init: init
;; call: get()
(component
  (core module $m
    (import "" "return" (func $return))
    (import "" "set" (func $set (result i32)))
    (global $n (mut i32) (i32.const 0))
    (func (export "init") (result i32)
      (drop (call $set))
      (call $return)
      (i32.const 1 (; yield ;)))
    (func (export "callback") (param i32 i32 i32) (result i32)
      (global.set $n (i32.const 3))
      (i32.const 0 (; exit ;)))
    (func (export "get") (result i32) (global.get $n)))
  (core func $return (canon task.return))
  (core func $set (canon waitable-set.new))
  (core instance $i (instantiate $m (with "" (instance
    (export "return" (func $return)) (export "set" (func $set))))))
  (func (export "init") async (canon lift (core func $i "init") async (callback (func $i "callback"))))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
