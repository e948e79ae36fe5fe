;; A core module is handed to a component that makes two instances of it, which are equal after init.
;; init: init
;; call: get()
(component
  (core module $m
    (global $n (mut i32) (i32.const 1))
    (memory 1)
    (func (export "add") (param i32)
      (i32.store (i32.const 64) (local.get 0))
      (global.set $n (i32.add (global.get $n) (local.get 0))))
    (func (export "get") (result i32) (i32.add (global.get $n) (i32.load (i32.const 64)))))
  (component $takes
    (import "m" (core module $m (export "add" (func (param i32))) (export "get" (func (result i32)))))
    (core instance $one (instantiate $m))
    (core instance $two (instantiate $m))
    (core module $app
      (import "one" "add" (func $add1 (param i32))) (import "one" "get" (func $get1 (result i32)))
      (import "two" "add" (func $add2 (param i32))) (import "two" "get" (func $get2 (result i32)))
      (func (export "init") (call $add1 (i32.const 20)) (call $add2 (i32.const 20)))
      (func (export "get") (result i32)
        (call $add2 (i32.const 3))
        (i32.add (i32.mul (call $get1) (i32.const 100)) (call $get2))))
    (core instance $app (instantiate $app (with "one" (instance $one)) (with "two" (instance $two))))
    (func (export "init") (canon lift (core func $app "init")))
    (func (export "get") (result u32) (canon lift (core func $app "get"))))
  (instance $i (instantiate $takes (with "m" (core module $m))))
  (alias export $i "init" (func $init))
  (alias export $i "get" (func $get))
  (export "init" (func $init))
  (export "get" (func $get)))
