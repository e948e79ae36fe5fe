;; WASI is not allowed by itself.
;; init: init
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
  (alias export $random "get-random-u64" (func $f))
  (core func $f (canon lower (func $f)))
  (core module $m (import "" "f" (func $f (result i64))) (func (export "init") (drop (call $f))))
  (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
  (func (export "init") (canon lift (core func $i "init"))))
