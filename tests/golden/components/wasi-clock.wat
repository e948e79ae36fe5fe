;; The clock is that of core modules: it begins at 1.
;; init: wizer-initialize
;; options: wasi
;; call: get()
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (alias export $clock "now" (func $now))
  (core func $now (canon lower (func $now)))
  (core module $m
    (import "" "now" (func $now (result i64)))
    (global $g (mut i64) (i64.const 0))
    (func (export "init") (drop (call $now)) (global.set $g (call $now)))
    (func (export "get") (result i64) (global.get $g)))
  (core instance $i (instantiate $m (with "" (instance (export "now" (func $now))))))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "get") (result s64) (canon lift (core func $i "get"))))
