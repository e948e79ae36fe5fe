;; preinit x.wat -v -o out.wasm --allow-wasi --dir-rw /w::dir
;; preinit audit x.wat -v --allow-wasi --dir-rw /w::dir
;; says changed
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 1000) "NAME")
  (func (export "preinit")
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1000) (call $length)
      (i32.const 1) (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 0)))
    ;; A name that the file system does not take is shortened.
    (if (i32.gt_u (call $length) (i32.const 255))
      (then (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1000) (i32.const 250)
        (i32.const 1) (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 0))))))
  (func $length (result i32) (local $at i32)
    (loop $next
      (if (i32.load8_u offset=1000 (local.get $at))
        (then (local.set $at (i32.add (local.get $at) (i32.const 1))) (br $next))))
    (local.get $at)))
