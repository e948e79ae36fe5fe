;; Init puts a function of another component, as it is lowered, into a table of a sibling.
;; init: init
;; call: call(1)
;; call: call(0)
(component
  (component $provider
    (core module $m (global $n (mut i32) (i32.const 5))
      (func (export "next") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "next") (result u32) (canon lift (core func $i "next"))))
  (instance $provider (instantiate $provider))
  (component $app
    (import "next" (func $next (result u32)))
    (core func $lowered (canon lower (func $next)))
    (core module $owner
      (table (export "t") 2 funcref)
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
    (core instance $o (instantiate $owner))
    (core module $other
      (import "o" "t" (table $t 2 funcref))
      (import "p" "next" (func $next (result i32)))
      (elem declare func $next)
      (func (export "init") (table.set $t (i32.const 1) (ref.func $next)) (drop (call $next))))
    (core instance $p (instantiate $other
      (with "o" (instance $o)) (with "p" (instance (export "next" (func $lowered))))))
    (func (export "init") (canon lift (core func $p "init")))
    (func (export "call") (param "x" u32) (result u32) (canon lift (core func $o "call"))))
  (instance $app (instantiate $app (with "next" (func $provider "next"))))
  (export "init" (func $app "init"))
  (export "call" (func $app "call")))
