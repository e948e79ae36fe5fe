;; init: init
;; call: load(65536)
;; call: load(16)
;; call: size()
;; call: grow(9)
(module
  (memory i64 1 4)
  (data (i64.const 16) "wide")
  (func (export "init")
    (drop (memory.grow (i64.const 1)))
    (i64.store (i64.const 65536) (i64.const 0x1122334455667788)))
  (func (export "load") (param i64) (result i64) (i64.load (local.get 0)))
  (func (export "size") (result i64) (memory.size))
  (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))
