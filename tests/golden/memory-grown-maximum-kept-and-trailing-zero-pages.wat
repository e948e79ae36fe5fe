;; The size is the grown one though the last pages are empty; the maximum stays and ends further growth.
;; init: init
;; call: size()
;; call: load(131072)
;; call: load(262140)
;; call: grow(2)
;; call: grow(1)
;; call: load(262140)
(module
  (memory 1 5)
  (func (export "init")
    (drop (memory.grow (i32.const 3)))
    (i32.store (i32.const 131072) (i32.const 7)))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
