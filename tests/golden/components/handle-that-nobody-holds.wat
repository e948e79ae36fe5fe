;; A handle is alive after init, and nothing has kept its number: that is mentioned.
;; init: init
;; call: get()
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (memory 1)
    (func (export "init") (drop (call $new (i32.const 42))) (i32.store (i32.const 16) (i32.const 7)))
    (func (export "get") (result i32) (i32.load (i32.const 16))))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
