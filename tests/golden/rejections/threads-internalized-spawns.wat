;; init: init
;; options: internalize
;; preload: env=../providers/shared.wat
(module
  (import "env" "memory" (memory 1 2 shared))
  (import "wasi" "thread-spawn" (func (param i32) (result i32)))
  (data $d "hello")
  (func (export "init") (i32.store (i32.const 0) (i32.const 1))))
