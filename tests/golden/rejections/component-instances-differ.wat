;; Two instances of one module, in different states; the module is an argument, so that there cannot be two of it.
;; init: init
(component
  (core module $m (global $g (mut i32) (i32.const 1)) (func (export "init") (global.set $g (i32.const 2))))
  (component $takes
    (import "m" (core module $m (export "init" (func))))
    (core instance $i (instantiate $m))
    (func (export "init") (canon lift (core func $i "init"))))
  (instance $a (instantiate $takes (with "m" (core module $m))))
  (instance $b (instantiate $takes (with "m" (core module $m))))
  (alias export $a "init" (func $init))
  (export "init" (func $init)))
