;; The slots of the table have addresses of 64 bits.
;; init: init
;; call: call(5)
;; call: call(0)
(component
  (core module $owner
    (table (export "t") i64 6 funcref)
    (func (export "call") (param i64) (result i32) (call_indirect (result i32) (local.get 0))))
  (core instance $o (instantiate $owner))
  (core module $other
    (import "o" "t" (table $t i64 6 funcref))
    (func $x (result i32) (i32.const 20))
    (elem declare func $x)
    (func (export "init") (table.set $t (i64.const 5) (ref.func $x))))
  (core instance $p (instantiate $other (with "o" (instance $o))))
  (func (export "init") (canon lift (core func $p "init")))
  (func (export "call") (param "x" u64) (result u32) (canon lift (core func $o "call"))))
