;; Each of three memories has its own size, maximum and data; one stays empty.
;; init: init
;; call: a(8)
;; call: b(65536)
;; call: c(0)
;; call: sizes()
(module
  (memory $a 1)
  (memory $b 1 3)
  (memory $c 2 2)
  (data (memory $b) (i32.const 16) "second")
  (func (export "init")
    (i32.store $a (i32.const 8) (i32.const 111))
    (drop (memory.grow $b (i32.const 1)))
    (i32.store $b (i32.const 65536) (i32.const 222)))
  (func (export "a") (param i32) (result i32) (i32.load $a (local.get 0)))
  (func (export "b") (param i32) (result i32) (i32.load $b (local.get 0)))
  (func (export "c") (param i32) (result i32) (i32.load $c (local.get 0)))
  (func (export "sizes") (result i32 i32 i32) (memory.size $a) (memory.size $b) (memory.size $c)))
