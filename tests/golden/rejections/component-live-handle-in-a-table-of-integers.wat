;; A handle as a small integer in a table; the only other core module has a state like the adapter's, which holds no handle.
;; init: init
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $adapter
    (memory 2)
    (data (i32.const 8) "ugh!")
    (data (i32.const 65540) "ugh!")
    (global $internal_state_ptr (mut i32) (i32.const 8))
    (global $allocation_state (mut i32) (i32.const 4)))
  (core instance (instantiate $adapter))
  (core module $b
    (import "r" "new" (func $new (param i32) (result i32)))
    (table 1 i31ref)
    (func (export "init") (table.set (i32.const 0) (ref.i31 (call $new (i32.const 5))))))
  (core instance $b (instantiate $b (with "r" (instance (export "new" (func $new))))))
  (func (export "init") (canon lift (core func $b "init"))))
