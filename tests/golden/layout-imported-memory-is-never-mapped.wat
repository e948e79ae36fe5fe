;; Wasmtime maps nothing if one active segment goes to an imported memory: said, and the layout stays compact.
;; options: mappable
;; preload: env=providers/state.wat
;; call: peek(8)
(module
  (import "env" "memory" (memory 1))
  (func (export "preinit") (i32.store8 (i32.const 8) (i32.const 5)))
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))
