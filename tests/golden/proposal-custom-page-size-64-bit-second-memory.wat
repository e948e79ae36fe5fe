;; Proposals together: a second memory with 64-bit addresses and pages of one byte.
;; init: init
;; call: load(6)
;; call: load(7)
(module
  (memory 1)
  (memory $small i64 4 100 (pagesize 1))
  (func (export "init")
    (drop (memory.grow $small (i64.const 3)))
    (i32.store8 $small (i64.const 6) (i32.const 77)))
  (func (export "load") (param i64) (result i32) (i32.load8_u $small (local.get 0))))
