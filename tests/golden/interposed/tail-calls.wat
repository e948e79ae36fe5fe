;; A tail call of the import becomes one of ours, and whoever calls a function with tail calls does so by one.
(module
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (type $t (func (param i32) (result i32)))
  (table 1 funcref)
  (func $direct (export "direct") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
    (return_call $ask (i32.sub (local.get 0) (i32.const 1))))
  (func (export "both") (param i32) (result i32)
    (drop (call $ask (local.get 0)))
    (return_call_indirect (type $t) (local.get 0) (i32.const 0))))
