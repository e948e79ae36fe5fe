;; The same in a component within.
;; init: init
(component
  (component $inner
    (core func $dec (canon backpressure.dec))
    (core module $m
      (import "" "dec" (func $dec))
      (func (export "init") (call $dec)))
    (core instance $i (instantiate $m (with "" (instance (export "dec" (func $dec))))))
    (func (export "init") (canon lift (core func $i "init"))))
  (instance $inner (instantiate $inner))
  (export "init" (func $inner "init")))
