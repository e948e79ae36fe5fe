;; Init stays an export, and goes on from the state.
;; init: wizer-initialize
;; options: keep-init
;; call: wizer-initialize()
;; call: get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (i32.mul (global.get $g) (i32.const 3))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "get") (result s32) (canon lift (core func $i "get"))))
