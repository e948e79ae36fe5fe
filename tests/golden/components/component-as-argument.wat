;; A component that is handed to another one, which instantiates it.
;; init: init
;; call: get()
(component
  (component $counter
    (core module $m (global $n (mut i32) (i32.const 1))
      (func (export "add") (global.set $n (i32.add (global.get $n) (i32.const 3))))
      (func (export "get") (result i32) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "add") (canon lift (core func $i "add")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (component $app
    (import "c" (component $c (export "add" (func)) (export "get" (func (result u32)))))
    (instance $c (instantiate $c))
    (export "init" (func $c "add"))
    (export "get" (func $c "get")))
  (instance $app (instantiate $app (with "c" (component $counter))))
  (export "init" (func $app "init"))
  (export "get" (func $app "get")))
