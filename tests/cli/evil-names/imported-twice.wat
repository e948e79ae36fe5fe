;; preinit x.wat -o out.wasm --stub-all --internalize
;; says import
(module
  (import "e" "NAME" (memory 1))
  (import "e" "NAME" (memory 1))
  (func (export "preinit") (i32.store (i32.const 0) (i32.const 1))))
