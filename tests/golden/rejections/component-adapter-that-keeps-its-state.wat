;; With its state the adapter would keep its handles.
;; init: init
;; options: keep-adapter-state
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $adapter
    (import "r" "new" (func $new (param i32) (result i32)))
    (global $internal_state_ptr (mut i32) (i32.const 0))
    (global $allocation_state (mut i32) (i32.const 2))
    (func (export "init")
      (global.set $internal_state_ptr (call $new (i32.const 5)))
      (global.set $allocation_state (i32.const 4))))
  (core instance $adapter (instantiate $adapter (with "r" (instance (export "new" (func $new))))))
  (func (export "init") (canon lift (core func $adapter "init"))))
