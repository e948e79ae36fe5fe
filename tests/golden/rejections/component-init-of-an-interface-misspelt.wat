;; init: my:pkg/iface@1.0.0#int
(component
  (core module $m (func (export "init")))
  (core instance $i (instantiate $m))
  (func $init (canon lift (core func $i "init")))
  (instance $iface (export "init" (func $init)))
  (export "my:pkg/iface@1.0.0" (instance $iface)))
