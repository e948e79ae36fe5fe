;; Tables that hold no functions.
;; init: init
;; call: get(0)
;; call: get(1)
;; call: null(0)
(module
  (table $i 2 (ref null i31))
  (table $e 2 externref)
  (func (export "init") (table.set $i (i32.const 1) (ref.i31 (i32.const 5))))
  (func (export "get") (param i32) (result i32) (i31.get_u (table.get $i (local.get 0))))
  (func (export "null") (param i32) (result i32) (ref.is_null (table.get $e (local.get 0)))))
