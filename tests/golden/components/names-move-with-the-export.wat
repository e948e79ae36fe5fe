;; The component's section of names, in which items after the removed export have other indices.
;; init: init
;; call: get()
;; call: both()
(component $named
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (i32.const 8)))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func $init (canon lift (core func $i "init")))
  (export $exported-init "init" (func $init))
  (func $get (result u32) (canon lift (core func $i "get")))
  (export $exported-get "get" (func $get))
  (export $both "both" (func $exported-get)))
