;; preinit x.wat -o out.wasm
;; says which nothing provides
(module
  (import "NAME" "NAME" (func $f))
  (func (export "preinit") (call $f)))
