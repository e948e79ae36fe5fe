;; A module of the outermost component has one instance there and one in each of two instances of a nested component; all differ.
;; init: init
;; call: get()
(component $root
  (core module $counter
    (global $n (mut i32) (i32.const 0))
    (func (export "add") (param i32) (global.set $n (i32.add (global.get $n) (local.get 0))))
    (func (export "get") (result i32) (global.get $n)))
  (component $nested
    (alias outer $root $counter (core module $counter))
    (core instance $i (instantiate $counter))
    (func (export "add") (param "x" u32) (canon lift (core func $i "add")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (instance $one (instantiate $nested))
  (instance $two (instantiate $nested))
  (component $app
    (alias outer $root $counter (core module $counter))
    (import "add1" (func $add1 (param "x" u32))) (import "add2" (func $add2 (param "x" u32)))
    (import "get1" (func $get1 (result u32))) (import "get2" (func $get2 (result u32)))
    (core func $add1 (canon lower (func $add1))) (core func $add2 (canon lower (func $add2)))
    (core func $get1 (canon lower (func $get1))) (core func $get2 (canon lower (func $get2)))
    (core instance $own (instantiate $counter))
    (core module $m
      (import "own" "add" (func $add (param i32))) (import "own" "get" (func $get (result i32)))
      (import "" "add1" (func $add1 (param i32))) (import "" "add2" (func $add2 (param i32)))
      (import "" "get1" (func $get1 (result i32))) (import "" "get2" (func $get2 (result i32)))
      (func (export "init") (call $add (i32.const 1)) (call $add1 (i32.const 20)) (call $add2 (i32.const 300)))
      (func (export "get") (result i32)
        (i32.add (call $get) (i32.add (i32.mul (call $get1) (i32.const 7)) (i32.mul (call $get2) (i32.const 11))))))
    (core instance $i (instantiate $m (with "own" (instance $own)) (with "" (instance
      (export "add1" (func $add1)) (export "add2" (func $add2)) (export "get1" (func $get1)) (export "get2" (func $get2))))))
    (func (export "init") (canon lift (core func $i "init")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (instance $app (instantiate $app (with "add1" (func $one "add")) (with "add2" (func $two "add"))
    (with "get1" (func $one "get")) (with "get2" (func $two "get"))))
  (export "init" (func $app "init"))
  (export "get" (func $app "get")))
