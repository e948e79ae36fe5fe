;; A stack whose pointer JavaScript sees.
(module
  (import "env" "see" (func $see))
  (memory (export "memory") 1)
  (global $sp (export "__stack_pointer") (mut i32) (i32.const 4096))
  (func (export "preinit"))
  ;; Something of its own on the stack, while JavaScript is called.
  (func (export "work") (param $value i32) (result i32)
    (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
    (i32.store (global.get $sp) (local.get $value))
    (call $see)
    (i32.load (global.get $sp))
    (global.set $sp (i32.add (global.get $sp) (i32.const 16))))
  (func (export "sum") (param $at i32) (result i32)
    (i32.add (i32.load8_u (local.get $at)) (i32.load8_u (i32.add (local.get $at) (i32.const 1)))))
  (func (export "move") (param i32) (global.set $sp (local.get 0)))
  (func (export "at") (result i32) (global.get $sp)))
