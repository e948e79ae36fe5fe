;; Custom page size: 10 bytes, grown to 13, data in the last one.
;; init: init
;; call: load(12)
;; call: load(13)
;; call: size()
;; call: grow(7)
;; call: grow(8)
(module
  (memory 10 20 (pagesize 1))
  (data (i32.const 2) "ab")
  (func (export "init")
    (drop (memory.grow (i32.const 3)))
    (i32.store8 (i32.const 12) (i32.const 99)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
