;; Data of nothing but the first eight bytes needs no records: those are written before the loop anyway. A second memory is smaller
;; than they are.
;; init: init
;; options: sparse
;; call: load(0)
;; call: load(4)
;; call: load(8)
;; call: small(0)
(module
  (memory 1)
  (memory $small 4 (pagesize 1))
  (func (export "init")
    (i32.store (i32.const 4) (i32.const 9))
    (i32.store8 $small (i32.const 0) (i32.const 7)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "small") (param i32) (result i32) (i32.load8_u $small (local.get 0))))
