;; A handle that one core instance has taken is held by another one, in a component in the component.
;; init: init
(component
  (component $c
    (type $r (resource (rep i32)))
    (core func $new (canon resource.new $r))
    (core module $store
      (memory 1)
      (func (export "put") (param i32) (i32.store (i32.const 48) (local.get 0))))
    (core instance $store (instantiate $store))
    (core module $m
      (import "r" "new" (func $new (param i32) (result i32)))
      (import "s" "put" (func $put (param i32)))
      (func (export "init") (call $put (call $new (i32.const 42)))))
    (core instance $i (instantiate $m (with "r" (instance (export "new" (func $new)))) (with "s" (instance $store))))
    (func (export "init") (canon lift (core func $i "init"))))
  (instance $c (instantiate $c))
  (export "init" (func $c "init")))
