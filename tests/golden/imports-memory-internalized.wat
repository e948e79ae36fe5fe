;; The same memory as the module's own, with all that it holds; the provider's stays as it is.
;; init: init
;; options: internalize
;; preload: env=providers/state.wat
;; call: load(0)
;; call: load(65536)
;; call: size()
;; call: grow(7)
;; call: env::load(0)
(module
  (import "env" "memory" (memory 1))
  (func (export "init")
    (drop (memory.grow (i32.const 1)))
    (i64.store (i32.const 65536) (i64.const 5)))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
