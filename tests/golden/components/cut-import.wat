;; A loader that init calls through a stub is cut: functions with texts, lists and results trap in the output.
;; init: init
;; stub: my:init/loader@0.1.0.load
;; stub: my:init/loader@0.1.0.names
;; cut: my:init/loader@0.1.0
;; call: get()
;; call: late()
(component
  (type $loader' (instance
    (type $module' (record (field "name" string) (field "code" (list u8))))
    (export "module" (type $module (eq $module')))
    (type $load (func (param "name" string) (param "depth" s64) (result (result (option $module) (error string)))))
    (export "load" (func (type $load)))
    (export "names" (func (result (list string))))
    (export "many" (func (param "a" (tuple f32 f64 u64 string string string string string string)) (result u64)))))
  (import "my:init/loader@0.1.0" (instance $loader (type $loader')))
  (import "wasi:random/insecure-seed@0.2.0" (instance $seed (export "insecure-seed" (func (result (tuple u64 u64))))))
  (component $unrelated (core module (memory 1)))
  (core module $memory (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 512)))
  (core instance $memory (instantiate $memory))
  (core func $load (canon lower (func $loader "load") (memory $memory "memory") (realloc (func $memory "realloc"))))
  (core func $names (canon lower (func $loader "names") (memory $memory "memory") (realloc (func $memory "realloc"))))
  (core module $m
    (import "" "memory" (memory 1))
    (import "" "load" (func $load (param i32 i32 i64 i32)))
    (import "" "names" (func $names (param i32)))
    (global $g (mut i32) (i32.const 0))
    (func (export "init")
      (i32.store8 (i32.const 100) (i32.const 255))
      (call $load (i32.const 0) (i32.const 0) (i64.const 7) (i32.const 100))
      (call $names (i32.const 200))
      (global.set $g (i32.add (i32.const 10) (i32.add (i32.load8_u (i32.const 100)) (i32.load (i32.const 204))))))
    (func (export "late") (call $names (i32.const 200)))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m (with "" (instance (export "memory" (memory $memory "memory"))
    (export "load" (func $load)) (export "names" (func $names))))))
  (component $shim (import "f" (func $f (result u32))) (export "get" (func $f)))
  (func $get (result u32) (canon lift (core func $i "get")))
  (instance $shim (instantiate $shim (with "f" (func $get))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "late") (canon lift (core func $i "late")))
  (export "get" (func $shim "get")))
