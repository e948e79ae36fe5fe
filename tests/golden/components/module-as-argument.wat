;; A component that is handed its module, and one that exports a module.
;; init: wizer-initialize
;; call: get()
(component
  (component $has
    (core module $m
      (global $g (mut i32) (i32.const 1))
      (func (export "init") (global.set $g (i32.const 12)))
      (func (export "get") (result i32) (global.get $g)))
    (export "m" (core module $m)))
  (component $takes
    (import "m" (core module $m (export "init" (func)) (export "get" (func (result i32)))))
    (core instance $i (instantiate $m))
    (func (export "init") (canon lift (core func $i "init")))
    (func (export "get") (result s32) (canon lift (core func $i "get"))))
  (instance $h (instantiate $has))
  (alias export $h "m" (core module $m))
  (instance $n (instantiate $takes (with "m" (core module $m))))
  (alias export $n "init" (func $init))
  (alias export $n "get" (func $get))
  (export "wizer-initialize" (func $init))
  (export "get" (func $get)))
