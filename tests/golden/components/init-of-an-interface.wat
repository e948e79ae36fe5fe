;; Init is a function of an exported instance, which stays as it is.
;; init: my:pkg/iface@1.0.0#init
;; call: my:pkg/iface@1.0.0#get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (i32.add (global.get $g) (i32.const 4))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func $init (canon lift (core func $i "init")))
  (func $get (result s32) (canon lift (core func $i "get")))
  (instance $iface (export "init" (func $init)) (export "get" (func $get)))
  (export "my:pkg/iface@1.0.0" (instance $iface)))
