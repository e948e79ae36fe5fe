;; The adapter forgets which numbers descriptors have.
(component
  (core module $adapter
    (global $internal_state_ptr (mut i32) (i32.const 8))
    (global $allocation_state (mut i32) (i32.const 4))
    (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 0)))
  (core instance $adapter (instantiate $adapter))
  (core module $m
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (func (export "init") (drop (call $renumber (i32.const 3) (i32.const 1)))))
  (core instance $m (instantiate $m (with "wasi_snapshot_preview1" (instance $adapter))))
  (func (export "preinit") (canon lift (core func $m "init"))))
