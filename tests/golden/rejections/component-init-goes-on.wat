;; Init has returned, and waits for an event that nobody sends. No instance of a snapshot would wait for it.
;; init: init
(component
  (core module $m
    (import "" "return" (func $return))
    (import "" "set" (func $set (result i32)))
    (func (export "init") (result i32)
      (call $return)
      (i32.or (i32.const 2 (; wait ;)) (i32.shl (call $set) (i32.const 4))))
    (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0 (; exit ;))))
  (core func $return (canon task.return))
  (core func $set (canon waitable-set.new))
  (core instance $i (instantiate $m (with "" (instance
    (export "return" (func $return)) (export "set" (func $set))))))
  (func (export "init") async (canon lift (core func $i "init") async (callback (func $i "callback")))))
