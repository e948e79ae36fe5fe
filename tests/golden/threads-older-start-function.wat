;; The start function that linkers made before, around a conditional. What init drops is dropped in the first instance only.
;; init: init
;; preload: env=providers/shared.wat
;; call: load(2048)
;; call: load(4000)
;; call: use_once()
(module
  (import "env" "memory" (memory 1 2 shared))
  (data $d "hello") (data $once "gone")
  (func $start
    (if (i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))
      (then (drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1))))
      (else
        (memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5))
        (i32.atomic.store (i32.const 1024) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))))
    (data.drop $d))
  (start $start)
  (func (export "init") (memory.init $once (i32.const 4000) (i32.const 0) (i32.const 4)) (data.drop $once))
  (func (export "use_once") (memory.init $once (i32.const 5000) (i32.const 0) (i32.const 4)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
