;; A module without state, one that has no instance, and custom sections stay byte for byte.
;; init: init
;; call: add(2)
(component
  (core module $unused (memory 1) (data (i32.const 0) "never") (func (export "f")))
  (core module $pure (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (@custom "mine" "in a module"))
  (core instance $pure (instantiate $pure))
  (core module $m
    (import "p" "add" (func $add (param i32 i32) (result i32)))
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (call $add (i32.const 20) (i32.const 3))))
    (func (export "add") (param i32) (result i32) (call $add (local.get 0) (global.get $g))))
  (core instance $m (instantiate $m (with "p" (instance $pure))))
  (func (export "init") (canon lift (core func $m "init")))
  (func (export "add") (param "x" u32) (result u32) (canon lift (core func $m "add")))
  (@custom "producers-of-mine" "of the component"))
