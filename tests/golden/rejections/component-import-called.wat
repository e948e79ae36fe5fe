;; Nothing provides the function.
;; init: init
(component
  (import "my:pkg/iface@1.0.0" (instance $iface (export "f" (func))))
  (alias export $iface "f" (func $f))
  (core func $f (canon lower (func $f)))
  (core module $m (import "" "f" (func $f)) (func (export "init") (call $f)))
  (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
  (func (export "init") (canon lift (core func $i "init"))))
