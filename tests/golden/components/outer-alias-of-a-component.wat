;; A component deep inside instantiates one of the outermost component twice, once by way of another alias.
;; init: init
;; call: get()
(component $root
  (component $counter
    (core module $m (global $n (mut i32) (i32.const 1))
      (func (export "add") (param i32) (global.set $n (i32.add (global.get $n) (local.get 0))))
      (func (export "get") (result i32) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "add") (param "x" u32) (canon lift (core func $i "add")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (component $app
    (alias outer $root $counter (component $counter))
    (component $deep
      (alias outer $app $counter (component $c))
      (instance $one (instantiate $c))
      (export "add" (func $one "add"))
      (export "get" (func $one "get")))
    (instance $one (instantiate $deep))
    (instance $two (instantiate $counter))
    (core func $add1 (canon lower (func $one "add")))
    (core func $add2 (canon lower (func $two "add")))
    (core func $get1 (canon lower (func $one "get")))
    (core func $get2 (canon lower (func $two "get")))
    (core module $m
      (import "" "add1" (func $add1 (param i32))) (import "" "add2" (func $add2 (param i32)))
      (import "" "get1" (func $get1 (result i32))) (import "" "get2" (func $get2 (result i32)))
      (func (export "init") (call $add1 (i32.const 4)) (call $add2 (i32.const 100)))
      (func (export "get") (result i32) (i32.add (call $get1) (call $get2))))
    (core instance $i (instantiate $m (with "" (instance
      (export "add1" (func $add1)) (export "add2" (func $add2)) (export "get1" (func $get1)) (export "get2" (func $get2))))))
    (func (export "init") (canon lift (core func $i "init")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (component $outer-app
    (import "app" (component $app (export "init" (func)) (export "get" (func (result u32)))))
    (instance $app (instantiate $app))
    (export "init" (func $app "init"))
    (export "get" (func $app "get")))
  (instance $app (instantiate $outer-app (with "app" (component $app))))
  (export "init" (func $app "init"))
  (export "get" (func $app "get")))
