;; init: init
;; options: internalize
;; preload: env=../providers/shared.wat
(module
  (import "env" "memory" (memory 1 2 shared))
  (data $d "hello")
  (func (export "wasi_thread_start") (param i32 i32))
  (func (export "init") (i32.store (i32.const 0) (i32.const 1))))
