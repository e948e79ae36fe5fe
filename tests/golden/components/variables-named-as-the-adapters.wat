;; Two variables that are called as the adapter's, and no state like its: they are what init has left.
;; init: init
;; call: get()
(component
  (core module $m
    (memory (export "memory") 2)
    (global $internal_state_ptr (mut i32) (i32.const 0))
    (global $allocation_state (mut i32) (i32.const 0))
    (func (export "init")
      (global.set $internal_state_ptr (i32.const 1024))
      (global.set $allocation_state (i32.const 4))
      ;; At one end only.
      (i32.store (i32.const 1024) (i32.const 0x21686775)))
    (func (export "get") (result i32) (global.get $internal_state_ptr)))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
