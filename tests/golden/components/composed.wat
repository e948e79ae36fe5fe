;; Two components side by side, one of which calls the other through an adapter of the engine.
;; init: wizer-initialize
;; call: get()
(component
  (component $provider
    (core module $m
      (global $g (mut i32) (i32.const 0))
      (func (export "add") (param i32) (result i32)
        (global.set $g (i32.add (global.get $g) (local.get 0))) (global.get $g)))
    (core instance $i (instantiate $m))
    (func (export "add") (param "by" s32) (result s32) (canon lift (core func $i "add"))))
  (component $app
    (import "add" (func $add (param "by" s32) (result s32)))
    (core func $add (canon lower (func $add)))
    (core module $m
      (import "" "add" (func $add (param i32) (result i32)))
      (global $last (mut i32) (i32.const 0))
      (func (export "init") (drop (call $add (i32.const 3))) (global.set $last (call $add (i32.const 4))))
      (func (export "get") (result i32)
        (i32.add (i32.mul (global.get $last) (i32.const 100)) (call $add (i32.const 10)))))
    (core instance $i (instantiate $m (with "" (instance (export "add" (func $add))))))
    (func (export "init") (canon lift (core func $i "init")))
    (func (export "get") (result s32) (canon lift (core func $i "get"))))
  (instance $p (instantiate $provider))
  (alias export $p "add" (func $add))
  (instance $a (instantiate $app (with "add" (func $add))))
  (alias export $a "init" (func $init))
  (alias export $a "get" (func $get))
  (export "wizer-initialize" (func $init))
  (export "get" (func $get)))
