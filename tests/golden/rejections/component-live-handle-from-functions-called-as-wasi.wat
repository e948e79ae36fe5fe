;; Neither the names of variables nor those of imports make an adapter.
;; init: init
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $rep (canon resource.rep $r))
  (core module $named
    (memory 2)
    (data (i32.const 8) "ugh!")
    (data (i32.const 65540) "ugh!")
    (global $internal_state_ptr (mut i32) (i32.const 8))
    (global $allocation_state (mut i32) (i32.const 4)))
  (core instance (instantiate $named))
  (core module $m
    (import "wasi_snapshot_preview1" "new" (func $new (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "rep" (func $rep (param i32) (result i32)))
    (global $h (mut i32) (i32.const 0))
    (func (export "init") (global.set $h (call $new (i32.const 42))))
    (func (export "get") (result i32) (call $rep (global.get $h))))
  (core instance $i (instantiate $m
    (with "wasi_snapshot_preview1" (instance (export "new" (func $new)) (export "rep" (func $rep))))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
