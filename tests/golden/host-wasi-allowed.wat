;; WASI calls in init, with the hermetic host: random bytes are reported.
;; init: init
;; options: wasi
;; call: got()
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $errno (mut i32) (i32.const -1))
  (func (export "init")
    (global.set $errno (i32.or
      (call $args (i32.const 0) (i32.const 4))
      (call $random (i32.const 64) (i32.const 16))))
    (memory.fill (i32.const 64) (i32.const 0) (i32.const 16)))
  (func (export "got") (result i32) (i32.add (global.get $errno) (i32.load (i32.const 0)))))
