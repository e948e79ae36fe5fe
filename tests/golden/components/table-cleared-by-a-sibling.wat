;; A sibling clears a slot, swaps two, and its own segment has been overwritten.
;; init: init
;; call: call(0)
;; call: call(1)
;; call: call(2)
;; call: call(3)
(component
  (core module $owner
    (table (export "t") 4 funcref)
    (func $a (result i32) (i32.const 10))
    (func $b (result i32) (i32.const 11))
    (elem (i32.const 0) func $a $b $a)
    (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
  (core instance $o (instantiate $owner))
  (core module $other
    (import "o" "t" (table $t 4 funcref))
    (func $x (result i32) (i32.const 20))
    (elem (i32.const 3) func $x)
    (func (export "init") (local $f funcref)
      (local.set $f (table.get $t (i32.const 1)))
      (table.set $t (i32.const 1) (table.get $t (i32.const 3)))
      (table.set $t (i32.const 3) (local.get $f))
      (table.set $t (i32.const 0) (ref.null func))))
  (core instance $p (instantiate $other (with "o" (instance $o))))
  (func (export "init") (canon lift (core func $p "init")))
  (func (export "call") (param "x" u32) (result u32) (canon lift (core func $o "call"))))
