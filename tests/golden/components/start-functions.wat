;; Start functions of three core instances run once, in order, before init.
;; init: init
;; call: get()
(component
  (core module $a
    (global $g (export "g") (mut i32) (i32.const 1))
    (func $start (global.set $g (i32.mul (global.get $g) (i32.const 10))))
    (start $start))
  (core instance $a (instantiate $a))
  (core module $b
    (import "a" "g" (global $g (mut i32)))
    (func $start (global.set $g (i32.add (global.get $g) (i32.const 5))))
    (start $start))
  (core instance $b1 (instantiate $b (with "a" (instance $a))))
  (core instance $b2 (instantiate $b (with "a" (instance $a))))
  (core module $main
    (import "a" "g" (global $g (mut i32)))
    (func (export "init") (global.set $g (i32.mul (global.get $g) (i32.const 2))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $main (instantiate $main (with "a" (instance $a))))
  (func (export "init") (canon lift (core func $main "init")))
  (func (export "get") (result u32) (canon lift (core func $main "get"))))
