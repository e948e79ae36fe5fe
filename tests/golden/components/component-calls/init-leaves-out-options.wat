;; Options at the end of the arguments need not be written.
;; init: init(7)
;; call: get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 0))
    (func (export "init") (param i32 i32 i32) (global.set $g (i32.add (local.get 0) (local.get 1))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func (export "init") (param "x" u32) (param "y" (option u32)) (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
