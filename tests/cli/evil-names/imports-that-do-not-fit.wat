;; preinit x.wat -o out.wasm --preload NAME=in.wasm
;; says error:
(module
  (import "NAME" "init" (func (param i32)))
  (import "NAME" "memory" (memory 17))
  (func (export "preinit")))
