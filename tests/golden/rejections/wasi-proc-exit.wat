;; init: init
;; options: wasi
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $exit (call $proc_exit (i32.const 3)))
  (func (export "init") (call $exit)))
