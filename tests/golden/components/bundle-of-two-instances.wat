;; A core instance that only bundles what two others have.
;; init: init
;; call: get()
(component
  (core module $memory (memory (export "m") 1) (data (i32.const 4) "\07"))
  (core module $global (global (export "g") (mut i32) (i32.const 3)))
  (core instance $memory (instantiate $memory))
  (core instance $global (instantiate $global))
  (alias core export $memory "m" (core memory $m))
  (alias core export $global "g" (core global $g))
  (core instance $both (export "m" (memory $m)) (export "g" (global $g)))
  (core module $main
    (import "env" "m" (memory 1))
    (import "env" "g" (global $g (mut i32)))
    (func (export "init") (global.set $g (i32.const 40)) (i32.store (i32.const 8) (i32.const 500)))
    (func (export "get") (result i32)
      (i32.add (global.get $g) (i32.add (i32.load (i32.const 4)) (i32.load (i32.const 8))))))
  (core instance $main (instantiate $main (with "env" (instance $both))))
  (func (export "init") (canon lift (core func $main "init")))
  (func (export "get") (result u32) (canon lift (core func $main "get"))))
