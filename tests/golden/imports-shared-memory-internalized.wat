;; An imported shared memory can only become the module's own.
;; init: init
;; options: internalize
;; preload: env=providers/shared.wat
;; call: load(8)
;; call: load(0)
(module
  (import "env" "memory" (memory 1 2 shared))
  (func (export "init") (i32.atomic.store (i32.const 0) (i32.const 7)))
  (func (export "load") (param i32) (result i32) (i32.atomic.load (local.get 0))))
