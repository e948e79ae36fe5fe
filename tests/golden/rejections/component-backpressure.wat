;; Init has calls wait for it. That is state of the runtime, which no instance of a snapshot would have.
;; init: init
(component
  (core func $inc (canon backpressure.inc))
  (core module $m
    (import "" "inc" (func $inc))
    (global $g (mut i32) (i32.const 0))
    (func (export "init") (call $inc) (global.set $g (i32.const 7))))
  (core instance $i (instantiate $m (with "" (instance (export "inc" (func $inc))))))
  (func (export "init") (canon lift (core func $i "init"))))
