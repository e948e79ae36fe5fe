;; preinit x.wat -o out.wasm
;; says nothing provides memory
(module
  (import "NAME" "NAME" (memory 1))
  (func (export "preinit")))
