;; A function of one core instance in a global of another one, which exports it to a third.
;; init: init
;; call: call()
(component
  (core module $owner
    (global $f (export "f") (mut funcref) (ref.null func))
    (table $t 1 funcref)
    (func (export "call") (result i32)
      (table.set $t (i32.const 0) (global.get $f))
      (call_indirect (result i32) (i32.const 0))))
  (core instance $o (instantiate $owner))
  (core module $functions (func (export "fourty") (result i32) (i32.const 40)))
  (core instance $q (instantiate $functions))
  (core module $setter
    (import "o" "f" (global $f (mut funcref)))
    (import "q" "fourty" (func $g (result i32)))
    (elem declare func $g)
    (func (export "init") (global.set $f (ref.func $g))))
  (core instance $s (instantiate $setter (with "o" (instance $o)) (with "q" (instance $q))))
  (func (export "init") (canon lift (core func $s "init")))
  (func (export "call") (result u32) (canon lift (core func $o "call"))))
