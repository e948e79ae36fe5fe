;; A number that is 0, and an option that is none, are success as they are in core modules.
;; init: number
;; init: option
;; call: get()
(component
  (core module $m
    (global $g (mut i64) (i64.const 1))
    (func (export "number") (result i64) (global.set $g (i64.const 2)) (i64.const 0))
    (func (export "option") (result i32) (global.set $g (i64.add (global.get $g) (i64.const 5))) (i32.const 0))
    (func (export "get") (result i64) (global.get $g)))
  (core instance $i (instantiate $m))
  (func (export "number") (result u64) (canon lift (core func $i "number")))
  (type $color' (enum "red" "green"))
  (export $color "color" (type $color'))
  (func (export "option") (result bool) (canon lift (core func $i "option")))
  (func (export "get") (result s64) (canon lift (core func $i "get"))))
