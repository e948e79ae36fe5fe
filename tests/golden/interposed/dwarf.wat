;; Debug information stays where no code moves.
(module
  (import "env" "ask" (func $ask (param i32 i32) (result i32)))
  (memory 1)
  (func (export "long") (param i32) (result i32)
    (i32.store (i32.const 0) (call $ask (local.get 0) (i32.const 100000)))
    (i32.load (i32.const 0)))
  (@custom ".debug_info" "as it was"))
