;; Imported and grown, 64-bit, of pages of a byte and so small that there is no room for the loop; one without contents.
;; init: init
;; options: sparse
;; preload: env=providers/memory.wat
;; call: imported(8)
;; call: imported(2000)
;; call: imported(66000)
;; call: wide(5)
;; call: wide(50000)
;; call: small(3)
(module
  (import "env" "memory" (memory $imported 1))
  (memory $wide i64 1)
  (memory $small 7 (pagesize 1))
  (memory $empty 1)
  (func (export "init")
    (i32.store8 $imported (i32.const 9) (i32.const 1))
    (i32.store8 $imported (i32.const 2000) (i32.const 2))
    (drop (memory.grow $imported (i32.const 1)))
    (i32.store8 $imported (i32.const 66000) (i32.const 3))
    (i64.store $wide (i64.const 5) (i64.const -1))
    (i64.store $wide (i64.const 50000) (i64.const 77))
    (i32.store8 $small (i32.const 3) (i32.const 4)))
  (func (export "imported") (param i32) (result i32) (i32.load8_u $imported (local.get 0)))
  (func (export "wide") (param i64) (result i64) (i64.load $wide (local.get 0)))
  (func (export "small") (param i32) (result i32) (i32.load8_u $small (local.get 0))))
