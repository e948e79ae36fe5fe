;; `ref.func $init` was allowed because init is exported. The export goes, so the function is declared elsewhere.
;; init: init
;; call: call()
;; call: count()
(module
  (type $t (func))
  (global $n (mut i32) (i32.const 0))
  (table 1 funcref)
  (func $init (export "init") (type $t) (global.set $n (i32.add (global.get $n) (i32.const 1))))
  (func (export "call")
    (table.set (i32.const 0) (ref.func $init))
    (call_indirect (type $t) (i32.const 0)))
  (func (export "count") (result i32) (global.get $n)))
