;; init: init
;; call: swap(1, 2)
;; call: get()
(module
  (global $a (mut i32) (i32.const 1))
  (global $b (mut i32) (i32.const 2))
  (func $swap (export "swap") (param i32 i32) (result i32 i32) (local.get 1) (local.get 0))
  (func (export "init")
    (call $swap (global.get $a) (global.get $b))
    (global.set $b) (global.set $a))
  (func (export "get") (result i32 i32) (global.get $a) (global.get $b)))
