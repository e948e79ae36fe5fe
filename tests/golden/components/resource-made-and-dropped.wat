;; Init takes a handle and gives it back: none is alive afterwards.
;; init: wizer-initialize
;; call: get()
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core func $rep (canon resource.rep $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "rep" (func $rep (param i32) (result i32)))
    (global $g (mut i32) (i32.const 0))
    (func $use (param i32) (result i32) (local $h i32)
      (local.set $h (call $new (local.get 0)))
      (call $rep (local.get $h))
      (call $drop (local.get $h)))
    (func (export "init") (global.set $g (call $use (i32.const 30))))
    (func (export "get") (result i32) (i32.add (global.get $g) (call $use (i32.const 3)))))
  (core instance $i (instantiate $m (with "" (instance
    (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "get") (result s32) (canon lift (core func $i "get"))))
