;; One segment of records, which a loop copies. The first eight bytes, where the loop reads lengths, are put back.
;; init: init
;; options: sparse
;; call: load(0)
;; call: load(4)
;; call: load(8)
;; call: load(300)
;; call: load(70000)
;; call: zeros()
(module
  (memory 2)
  (func (export "init")
    (i32.store (i32.const 0) (i32.const 0x01020304))
    (i32.store (i32.const 6) (i32.const 0x05060708))
    (i32.store (i32.const 300) (i32.const 9))
    (memory.fill (i32.const 65500) (i32.const 7) (i32.const 5000)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "zeros") (result i32) (i32.load (i32.const 71000))))
