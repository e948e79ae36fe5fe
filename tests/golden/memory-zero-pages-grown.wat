;; A memory without a page and without a maximum.
;; init: init
;; call: load(65532)
;; call: load(65533)
(module
  (memory 0)
  (func (export "init")
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 65532) (i32.const 0x04030201)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
