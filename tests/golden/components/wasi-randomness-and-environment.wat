;; Seeded randomness of two interfaces, in an import that the output keeps.
;; init: init
;; options: wasi
;; call: bytes()
(component
  (import "wasi:random/random@0.2.3" (instance $random (export "get-random-u64" (func (result u64)))))
  (import "wasi:random/insecure@0.2.3" (instance $insecure (export "get-insecure-random-u64" (func (result u64)))))
  (core func $random (canon lower (func $random "get-random-u64")))
  (core func $insecure (canon lower (func $insecure "get-insecure-random-u64")))
  (core module $m
    (import "" "random" (func $random (result i64)))
    (import "" "insecure" (func $insecure (result i64)))
    (global $a (mut i64) (i64.const 0))
    (global $b (mut i64) (i64.const 0))
    (func (export "init") (global.set $a (call $random)) (global.set $b (call $insecure)))
    (func (export "bytes") (result i64) (i64.xor (global.get $a) (global.get $b))))
  (core instance $i (instantiate $m (with "" (instance (export "random" (func $random)) (export "insecure" (func $insecure))))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "bytes") (result u64) (canon lift (core func $i "bytes"))))
