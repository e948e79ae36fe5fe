;; preinit x.wat -o y.wasm --allow-wasi --at stdin
;; preinit verify x.wat y.wasm --allow-wasi --at stdin
;; says redirected: export
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (export "NAME")
    (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 32)))))
