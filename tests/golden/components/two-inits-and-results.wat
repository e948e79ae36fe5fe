;; Two functions in order, each with a result that says that all is well.
;; init: second
;; init: first
;; call: get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "first") (result i32) (global.set $g (i32.mul (global.get $g) (i32.const 10))) (i32.const 0))
    (func (export "second") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 6))) (i32.const 0))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func (export "first") (result (result)) (canon lift (core func $i "first")))
  (func (export "get") (result s32) (canon lift (core func $i "get")))
  (func (export "second") (result (result)) (canon lift (core func $i "second"))))
