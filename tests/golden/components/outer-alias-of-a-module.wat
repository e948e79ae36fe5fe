;; Two components deep inside instantiate a core module of the outermost one, by its outer alias; their states differ after init.
;; init: init
;; call: get()
(component $root
  (core module $counter
    (global $n (mut i32) (i32.const 1))
    (func (export "add") (param i32) (global.set $n (i32.add (global.get $n) (local.get 0))))
    (func (export "get") (result i32) (global.get $n)))
  (component $one
    (alias outer $root $counter (core module $m))
    (core instance $i (instantiate $m))
    (func (export "add") (param "x" u32) (canon lift (core func $i "add")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (component $two
    (component $deep
      (alias outer $root $counter (core module $m))
      (core instance $i (instantiate $m))
      (func (export "add") (param "x" u32) (canon lift (core func $i "add")))
      (func (export "get") (result u32) (canon lift (core func $i "get"))))
    (instance $d (instantiate $deep))
    (export "add" (func $d "add"))
    (export "get" (func $d "get")))
  (instance $one (instantiate $one))
  (instance $two (instantiate $two))
  (component $app
    (import "add1" (func $add1 (param "x" u32))) (import "add2" (func $add2 (param "x" u32)))
    (import "get1" (func $get1 (result u32))) (import "get2" (func $get2 (result u32)))
    (core func $add1 (canon lower (func $add1))) (core func $add2 (canon lower (func $add2)))
    (core func $get1 (canon lower (func $get1))) (core func $get2 (canon lower (func $get2)))
    (core module $m
      (import "" "add1" (func $add1 (param i32))) (import "" "add2" (func $add2 (param i32)))
      (import "" "get1" (func $get1 (result i32))) (import "" "get2" (func $get2 (result i32)))
      (func (export "init") (call $add1 (i32.const 6)) (call $add2 (i32.const 30)))
      (func (export "get") (result i32) (i32.add (i32.mul (call $get1) (i32.const 100)) (call $get2))))
    (core instance $i (instantiate $m (with "" (instance
      (export "add1" (func $add1)) (export "add2" (func $add2)) (export "get1" (func $get1)) (export "get2" (func $get2))))))
    (func (export "init") (canon lift (core func $i "init")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (instance $app (instantiate $app (with "add1" (func $one "add")) (with "add2" (func $two "add"))
    (with "get1" (func $one "get")) (with "get2" (func $two "get"))))
  (export "init" (func $app "init"))
  (export "get" (func $app "get")))
