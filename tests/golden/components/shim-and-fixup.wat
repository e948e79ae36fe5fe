;; Calls that go round through a table which a later module fills, as wit-component makes them: neither module changes.
;; init: component-init
;; call: run()
(component
  (core module $shim
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (result i32) (call_indirect (result i32) (i32.const 0))))
  (core instance $s (instantiate $shim))
  (core module $main
    (import "shim" "0" (func $f (result i32)))
    (memory (export "memory") 1)
    (func (export "init") (i32.store (i32.const 0) (call $f)))
    (func (export "run") (result i32) (i32.add (i32.load (i32.const 0)) (call $f))))
  (core instance $m (instantiate $main (with "shim" (instance $s))))
  (core module $adapter
    (import "main" "memory" (memory 1))
    (func (export "f") (result i32) (i32.add (i32.const 40) (i32.load (i32.const 0)))))
  (core instance $a (instantiate $adapter (with "main" (instance $m))))
  (core module $fixup
    (import "" "0" (func $f (result i32)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func $f))
  (alias core export $s "$imports" (core table $t))
  (alias core export $a "f" (core func $f))
  (core instance (instantiate $fixup (with "" (instance (export "$imports" (table $t)) (export "0" (func $f))))))
  (func (export "component-init") (canon lift (core func $m "init")))
  (func (export "run") (result u32) (canon lift (core func $m "run"))))
