;; What only init used becomes stubs: the function that was lifted for it, its helper, and what a start function called.
;; init: wizer-initialize
;; options: strip-init
;; call: run()
(component
  (core module $m
    (global $g (mut i32) (i32.const 0))
    (func $of-start (global.set $g (i32.add (global.get $g) (i32.const 5))))
    (func $start (call $of-start))
    (start $start)
    (func $only-init (param i32) (result i32) (i32.mul (local.get 0) (i32.const 21)))
    (func $both (param i32) (result i32) (i32.add (local.get 0) (i32.const 100)))
    (func (export "init") (global.set $g (i32.add (global.get $g) (call $both (call $only-init (i32.const 2))))))
    (func (export "run") (result i32) (call $both (global.get $g))))
  (core instance $i (instantiate $m))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "run") (result s32) (canon lift (core func $i "run"))))
