;; A module with two instances that are equal after init stands in the output once.
;; init: wizer-initialize
;; call: sum()
;; call: first()
;; call: sum()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "set") (global.set $g (i32.const 20)))
    (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (core module $main
    (import "a" "set" (func $set-a)) (import "b" "set" (func $set-b))
    (import "a" "next" (func $a (result i32))) (import "b" "next" (func $b (result i32)))
    (func (export "init") (call $set-a) (call $set-b))
    (func (export "first") (result i32) (call $a))
    (func (export "sum") (result i32) (i32.add (i32.mul (call $a) (i32.const 100)) (call $b))))
  (core instance $x (instantiate $main (with "a" (instance $a)) (with "b" (instance $b))))
  (func (export "wizer-initialize") (canon lift (core func $x "init")))
  (func (export "first") (result u32) (canon lift (core func $x "first")))
  (func (export "sum") (result u32) (canon lift (core func $x "sum"))))
