;; An import with a resource of its own is cut, then one whose functions take it.
;; init: init
;; stub: my:init/files.open
;; cut: my:init/files
;; cut: my:init/readers
;; call: get()
(component
  (import "my:init/files" (instance $files
    (export "file" (type $file (sub resource)))
    (export "open" (func (param "mode" u8) (result (option (own $file)))))
    (export "[method]file.size" (func (param "self" (borrow $file)) (result u64)))))
  (alias export $files "file" (type $file))
  (import "my:init/readers" (instance $readers
    (alias outer 1 $file (type $f'))
    (export "file" (type $f (eq $f')))
    (export "read" (func (param "f" (borrow $f)) (result u32)))))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $open (canon lower (func $files "open") (memory $memory "memory")))
  (core func $read (canon lower (func $readers "read")))
  (core func $drop (canon resource.drop $file))
  (core module $m
    (import "" "memory" (memory 1))
    (import "" "open" (func $open (param i32 i32)))
    (import "" "read" (func $read (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (global $g (mut i32) (i32.const 0))
    (func (export "init")
      (call $open (i32.const 1) (i32.const 64))
      (global.set $g (i32.add (i32.const 5) (i32.load8_u (i32.const 64)))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m (with "" (instance (export "memory" (memory $memory "memory"))
    (export "open" (func $open)) (export "read" (func $read)) (export "drop" (func $drop))))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
