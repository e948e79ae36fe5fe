;; Init puts functions of one core instance into the table of another, and lets the table grow: a last module writes them.
;; init: init
;; call: call(0)
;; call: call(1)
;; call: call(2)
;; call: call(4)
;; call: call(6)
(component
  (core module $owner
    (table (export "t") 4 funcref)
    (func $own (result i32) (i32.const 10))
    (elem (i32.const 0) func $own $own)
    (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
  (core instance $o (instantiate $owner))
  (core module $other
    (import "o" "t" (table $t 4 funcref))
    (func $x (result i32) (i32.const 20))
    (func $y (result i32) (i32.const 30))
    (elem declare func $x $y)
    (func (export "init")
      (table.set $t (i32.const 1) (ref.func $x))
      (table.set $t (i32.const 2) (ref.func $y))
      (drop (table.grow $t (ref.func $y) (i32.const 3)))))
  (core instance $p (instantiate $other (with "o" (instance $o))))
  (func (export "init") (canon lift (core func $p "init")))
  (func (export "call") (param "x" u32) (result u32) (canon lift (core func $o "call"))))
