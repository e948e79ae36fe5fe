;; Merged with QuickJS's reactor: a `_start`, which comes after `_initialize` and lets it run /app/main.js.
(module
  (import "qjs" "memory" (memory 1))
  (import "qjs" "malloc" (func $allocate (param i32) (result i32)))
  (import "qjs" "qjs_init_argv" (func $run (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))

  (data $words "qjs\00--std\00/app/main.js\00")

  ;; An exception has been printed when this returns -1.
  (func (export "_start") (local $words i32) (local $list i32) (local $code i32)
    (local.set $words (call $allocate (i32.const 23)))
    (memory.init $words (local.get $words) (i32.const 0) (i32.const 23))
    (local.set $list (call $allocate (i32.const 16)))
    (i32.store offset=0 (local.get $list) (local.get $words))
    (i32.store offset=4 (local.get $list) (i32.add (local.get $words) (i32.const 4)))
    (i32.store offset=8 (local.get $list) (i32.add (local.get $words) (i32.const 10)))
    (i32.store offset=12 (local.get $list) (i32.const 0))
    (local.set $code (call $run (i32.const 3) (local.get $list)))
    (if (local.get $code) (then (call $exit (i32.const 1))))))
