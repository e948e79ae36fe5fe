;; init: init
;; preload: env=providers/wide.wat
;; call: load(65536)
;; call: size()
(module
  (import "env" "memory" (memory i64 1 4))
  (import "env" "table" (table i64 1 4 funcref))
  (func $f (export "f") (result i32) (i32.const 4))
  (func (export "init")
    (drop (memory.grow (i64.const 1)))
    (i64.store (i64.const 65536) (i64.const 5))
    (drop (table.grow (ref.func $f) (i64.const 2))))
  (func (export "load") (param i64) (result i64) (i64.load (local.get 0)))
  (func (export "size") (result i64 i64) (memory.size) (table.size)))
