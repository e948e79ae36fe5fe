;; A nullable table of one function type; its segments are expressions.
;; init: init
;; call: call(0)
;; call: call(1)
(module
  (type $t (func (result i32)))
  (table $t 3 (ref null $t))
  (elem (table $t) (i32.const 0) (ref null $t) (ref.func $a) (ref.null $t))
  (elem declare func $b)
  (func $a (type $t) (i32.const 1))
  (func $b (type $t) (i32.const 2))
  (func (export "init") (table.set $t (i32.const 1) (ref.func $b)))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $t) (local.get 0))))
