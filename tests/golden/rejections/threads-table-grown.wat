;; init: init
;; preload: env=../providers/shared.wat
(module
  (import "env" "memory" (memory 1 2 shared))
  (data $d "hello")
  (table $t 2 funcref)
  (func (export "init") (drop (table.grow $t (ref.null func) (i32.const 1))))
  (func $start
    (block $done
      (block $wait
        (block $write
          (br_table $write $wait $done
            (i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))))
        (memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5))
        (i32.atomic.store (i32.const 1024) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))
        (br $done))
      (drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1))))
    (data.drop $d))
  (start $start))
