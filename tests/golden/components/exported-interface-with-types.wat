;; What `wit-component` makes of an exported interface: a component that gives the instance its types.
;; init: init
;; call: my:pkg/iface@1.0.0#get()
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "init") (i32.store (i32.const 8) (i32.const 3)) (i32.store8 (i32.const 12) (i32.const 1)))
    (func (export "get") (result i32) (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init")))
  (type $point (record (field "n" u32) (field "set" bool)))
  (func $get (result $point) (canon lift (core func $i "get") (memory $i "memory")))
  (component $shim
    (type $point (record (field "n" u32) (field "set" bool)))
    (import "import-type-point" (type $p (eq $point)))
    (import "import-func-get" (func $get (result $p)))
    (export $exported "point" (type $p))
    (export "get" (func $get) (func (result $exported))))
  (instance $iface (instantiate $shim (with "import-type-point" (type $point)) (with "import-func-get" (func $get))))
  (export "my:pkg/iface@1.0.0" (instance $iface)))
