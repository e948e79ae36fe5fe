;; Records for a memory that instances share: the first copies them, all drop them.
;; init: init
;; options: sparse
;; preload: env=providers/shared.wat
;; call: load(2048)
;; call: load(5000)
;; call: load(1024)
(module
  (import "env" "memory" (memory 1 2 shared))
  (data $d "hello")
  (func $start
    (if (i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))
      (then (drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1))))
      (else
        (memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5))
        (i32.atomic.store (i32.const 1024) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))))
    (data.drop $d))
  (start $start)
  (func (export "init") (i32.store (i32.const 5000) (i32.const 6)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
