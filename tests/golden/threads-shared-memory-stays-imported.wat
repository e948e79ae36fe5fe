;; As linkers make modules of which each thread is an instance: the first on a memory writes it, the others wait for that.
;; init: init
;; preload: env=providers/shared.wat
;; call: load(2048)
;; call: load(3000)
;; call: load(70000)
;; call: load(1024)
;; call: stack()
;; call: pages()
;; call: thread_locals(8000)
;; call: load(8000)
(module
  (import "env" "memory" (memory 1 2 shared))
  (data $d "hello") (data $template "\05\00\00\00")
  (global $sp (mut i32) (i32.const 65536)) (global $tls (mut i32) (i32.const 0))
  (func $start
    (block $done
      (block $wait
        (block $write
          (br_table $write $wait $done
            (i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))))
        (memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5))
        (global.set $tls (i32.const 3000)) (memory.init $template (i32.const 3000) (i32.const 0) (i32.const 4))
        (i32.atomic.store (i32.const 1024) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))
        (br $done))
      (drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1))))
    (data.drop $d))
  (start $start)
  (func (export "init")
    (global.set $sp (i32.const 60000))
    (i32.store (i32.const 3000) (i32.const 77))
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 70000) (i32.const 9)))
  (func (export "thread_locals") (param i32)
    (global.set $tls (local.get 0)) (memory.init $template (local.get 0) (i32.const 0) (i32.const 4)))
  (func (export "stack") (result i32) (global.get $sp))
  (func (export "pages") (result i32) (memory.size))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
