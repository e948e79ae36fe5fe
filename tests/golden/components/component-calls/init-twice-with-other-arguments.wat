;; A function that is called several times, with another argument each time; it goes once.
;; init: add(5)
;; init: double
;; init: add(1)
;; call: get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "add") (param i32) (global.set $g (i32.add (global.get $g) (local.get 0))))
    (func (export "double") (global.set $g (i32.mul (global.get $g) (i32.const 2))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func (export "add") (param "n" s32) (canon lift (core func $i "add")))
  (func (export "get") (result s32) (canon lift (core func $i "get")))
  (func (export "double") (canon lift (core func $i "double"))))
