;; A handle is held after init, and the snapshot was asked for all the same. Its number is in it, and the handle is not.
;; init: init
;; options: allow-live-handles
;; call: number()
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (global $h (mut i32) (i32.const 0))
    (func (export "init") (global.set $h (call $new (i32.const 42))))
    (func (export "number") (result i32) (global.get $h)))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "number") (result u32) (canon lift (core func $i "number"))))
