;; Debug information goes where code moves.
(module
  (import "env" "ask" (func $ask))
  (func (export "short") (param i32 i32) (call $ask))
  (@custom ".debug_info" "of code that was elsewhere"))
