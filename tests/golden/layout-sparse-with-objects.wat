;; Records and objects in one start function.
;; init: init
;; options: sparse
;; call: load(9000)
;; call: object()
(module
  (type $s (struct (field i32)))
  (memory 1)
  (global $o (mut (ref null $s)) (ref.null $s))
  (func (export "init")
    (i32.store (i32.const 100) (i32.const 1))
    (i32.store (i32.const 9000) (i32.const 2))
    (global.set $o (struct.new $s (i32.const 3))))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "object") (result i32) (struct.get $s 0 (global.get $o))))
