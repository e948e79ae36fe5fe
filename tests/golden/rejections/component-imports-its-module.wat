;; The core module is not there yet.
;; init: init
(component
  (import "m" (core module $m (export "init" (func))))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init"))))
