;; preinit audit x.wat -v --allow-wasi --env TOKEN=abcdefghijklmnop
;; says TOKEN
(module
  (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory $m (@name "NAME") (export "memory") 1)
  (global $g (@name "NAME") (mut i32) (i32.const 0))
  (func $f (@name "NAME")
    (drop (call $get (i32.const 100) (i32.const 200)))
    (drop (call $random (i32.const 300) (i32.const 8)))
    (global.set $g (i32.load (i32.const 300))))
  (func (export "preinit") (call $f)))
