;; A handle is alive after init.
;; init: init
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (global $h (mut i32) (i32.const 0))
    (func (export "init") (global.set $h (call $new (i32.const 42)))))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
  (func (export "init") (canon lift (core func $i "init"))))
