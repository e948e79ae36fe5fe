;; An exported instance with nothing but the init function goes with it. What is exported after it has other indices.
;; init: exports#init(5)
;; call: my:pkg/iface@1.0.0#get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (param i32) (global.set $g (i32.add (global.get $g) (local.get 0))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func $init (param "n" u32) (canon lift (core func $i "init")))
  (func $get (result u32) (canon lift (core func $i "get")))
  (instance $exports (export "init" (func $init)))
  (export "exports" (instance $exports))
  (instance $iface (export "get" (func $get)))
  (export "my:pkg/iface@1.0.0" (instance $iface)))
