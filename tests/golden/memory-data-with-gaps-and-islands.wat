;; Islands with gaps that are worth a segment of their own and gaps that are not, a byte at the very start and one at the
;; very end; old segments vanish.
;; init: init
;; call: load(0)
;; call: load(996)
;; call: load(1006)
;; call: load(65532)
;; call: load(65533)
(module
  (memory 1)
  (data (i32.const 1000) "original")
  (data (i32.const 1004) "overlap")
  (func (export "init")
    (i32.store8 (i32.const 0) (i32.const 1))
    (i32.store8 (i32.const 5) (i32.const 2))
    (i32.store8 (i32.const 40) (i32.const 3))
    (i32.store16 (i32.const 1001) (i32.const 0))
    (i32.store (i32.const 30000) (i32.const 0x01000001))
    (i32.store8 (i32.const 65535) (i32.const 255)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
