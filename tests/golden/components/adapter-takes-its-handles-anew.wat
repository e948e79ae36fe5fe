;; A module with the two variables of the adapter for WASI preview 1, and one of its functions, which holds a handle: it begins
;; without its state again.
;; `count` tells how often it has made it, which no adapter does: to verify, such a snapshot is another program, as it is.
;; init: init
;; options: wasi
;; call: count()
;; call: print()
;; call: count()
(component
  (import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-type))
  (type $streams' (instance
    (alias outer 1 $error-type (type $e'))
    (export "error" (type $e (eq $e')))
    (export "output-stream" (type $o (sub resource)))
    (type $stream-error' (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error')))
    (export "[method]output-stream.check-write"
      (func (param "self" (borrow $o)) (result (result u64 (error $stream-error)))))))
  (import "wasi:io/streams@0.2.3" (instance $streams (type $streams')))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.3" (instance $stdout
    (alias outer 1 $output-stream (type $o'))
    (export "output-stream" (type $o (eq $o')))
    (export "get-stdout" (func (result (own $o))))))
  (core module $main (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $main (instantiate $main))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $check (canon lower (func $streams "[method]output-stream.check-write")
    (memory $main "memory") (realloc (func $main "realloc"))))
  (core module $adapter
    (import "env" "memory" (memory 0))
    (import "" "get-stdout" (func $get (result i32)))
    (import "" "check-write" (func $check (param i32 i32)))
    (global $internal_state_ptr (mut i32) (i32.const 0))
    (global $allocation_state (mut i32) (i32.const 2))
    (func $state
      (if (i32.eq (global.get $allocation_state) (i32.const 2))
        (then
          (global.set $internal_state_ptr (i32.const 1024))
          ;; `ugh!` at both ends of a page of 64 KiB.
          (i32.store (i32.const 1024) (i32.const 0x21686775))
          (i32.store (i32.const 66556) (i32.const 0x21686775))
          (i32.store (i32.const 1032) (call $get))
          (i32.store (i32.const 1028) (i32.add (i32.load (i32.const 1028)) (i32.const 1)))
          (global.set $allocation_state (i32.const 4)))))
    (func (export "print") (result i32)
      (call $state)
      (call $check (i32.load offset=8 (global.get $internal_state_ptr)) (i32.const 2048))
      (i32.load8_u (i32.const 2048)))
    (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
    (func (export "count") (result i32) (i32.load (i32.const 1028))))
  (core instance $adapter (instantiate $adapter (with "env" (instance $main))
    (with "" (instance (export "get-stdout" (func $get)) (export "check-write" (func $check))))))
  (core module $init
    (import "a" "print" (func $print (result i32)))
    (func (export "init") (drop (call $print))))
  (core instance $init (instantiate $init (with "a" (instance $adapter))))
  (func (export "init") (canon lift (core func $init "init")))
  (func (export "print") (result u32) (canon lift (core func $adapter "print")))
  (func (export "count") (result u32) (canon lift (core func $adapter "count"))))
