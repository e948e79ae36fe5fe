;; An export takes the place of another one, which goes; a function and an instance get new names.
;; init: init
;; rename: run=run2
;; rename: my:pkg/b@1.0.0=my:pkg/a@1.0.0
;; call: run()
;; call: my:pkg/b@1.0.0#get()
;; call: last()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (i32.const 20)))
    (func (export "old") (result i32) (i32.const 3))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func $get (result u32) (canon lift (core func $i "get")))
  (func (export "run") (result u32) (canon lift (core func $i "old")))
  (func (export "init") (canon lift (core func $i "init")))
  (export "run2" (func $get))
  (instance $iface (export "get" (func $get)))
  (export "my:pkg/a@1.0.0" (instance $iface))
  (func (export "last") (result u32) (canon lift (core func $i "old"))))
