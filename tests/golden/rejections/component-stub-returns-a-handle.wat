;; init: init
;; stub: my:host/streams.read
(component
  (import "my:host/streams" (instance $s (type $t (stream u8)) (export "read" (func (result (stream u8))))))
  (core func $read (canon lower (func $s "read")))
  (core module $m (import "" "read" (func $read (result i32))) (func (export "init") (drop (call $read))))
  (core instance $i (instantiate $m (with "" (instance (export "read" (func $read))))))
  (func (export "init") (canon lift (core func $i "init"))))
