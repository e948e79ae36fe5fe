;; preinit x.wat -o out.wasm --stub-all
;; says shared
(module
  (import "NAME" "NAME" (memory 1 1 shared))
  (func (export "preinit") (i32.store (i32.const 0) (i32.const 1))))
