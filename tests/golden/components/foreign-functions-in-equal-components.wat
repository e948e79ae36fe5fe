;; Two instances of a component, whose tables hold the same functions of siblings: the component stands in the output once.
;; init: init-a
;; init: init-b
;; call: call-a(1)
;; call: call-b(1)
;; call: call-b(3)
;; call: call-b(0)
(component
  (component $inner
    (core module $owner
      (table (export "t") 4 funcref)
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
    (core instance $o (instantiate $owner))
    (core module $other
      (import "o" "t" (table $t 4 funcref))
      (func $x (result i32) (i32.const 20))
      (func $y (result i32) (i32.const 30))
      (elem declare func $x $y)
      (func (export "one") (table.set $t (i32.const 1) (ref.func $x)) (table.set $t (i32.const 3) (ref.func $y)))
      (func (export "two") (table.set $t (i32.const 2) (ref.func $x)) (table.set $t (i32.const 3) (ref.func $y))))
    (core instance $p (instantiate $other (with "o" (instance $o))))
    (func (export "one") (canon lift (core func $p "one")))
    (func (export "two") (canon lift (core func $p "two")))
    (func (export "call") (param "x" u32) (result u32) (canon lift (core func $o "call"))))
  (instance $a (instantiate $inner))
  (instance $b (instantiate $inner))
  (export "init-a" (func $a "one"))
  (export "init-b" (func $b "one"))
  (export "call-a" (func $a "call"))
  (export "call-b" (func $b "call")))
