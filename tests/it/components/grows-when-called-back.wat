;; What `cabi_realloc` has no room for, it gets by growing the memory, at each call; the page that it gets besides is filled.
;; `_start` looks for directories, opens a file in the last one, and writes the errno as a letter, then `=` or `!` three times:
;; whether the page still has what it was filled with.
(module
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello.txt")
  (data (i32.const 200) "\80\00\00\00\01")
  (global $page (mut i32) (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $page
      (i32.shl (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 2))) (i32.const 16)))
    (memory.fill (global.get $page) (i32.const 0xaa) (i32.const 0x10000))
    (i32.add (global.get $page) (i32.const 0x10000)))
  (func $print (param i32)
    (i32.store8 (i32.const 128) (local.get 0))
    (drop (call $write (i32.const 1) (i32.const 200) (i32.const 1) (i32.const 208))))
  (func $look (local $at i32)
    (local.set $at (global.get $page))
    (loop $next
      (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0xaa)) (then (call $print (i32.const 33)) (return)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.add (global.get $page) (i32.const 0x10000)))))
    (call $print (i32.const 61)))
  (func (export "_start") (local $fd i32)
    (local.set $fd (i32.const 3))
    (block $end
      (loop $next
        (br_if $end (call $prestat (local.get $fd) (i32.const 16)))
        (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
        (br $next)))
    (call $print
      (i32.add
        (i32.const 97)
        (call $open
          (i32.sub (local.get $fd) (i32.const 1)) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 2)
          (i64.const 2) (i32.const 0) (i32.const 32))))
    (call $look) (call $look) (call $look)))
