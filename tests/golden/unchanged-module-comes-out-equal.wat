;; An init that does nothing. Only the export of init goes, and producers come.
;; init: init
;; call: get()
;; call: call(1)
;; call: load(4)
(module $unchanged
  (type $t (func (result i32)))
  (memory $m (export "memory") 1 2)
  (table $f 2 2 funcref)
  (global $g (mut i32) (i32.const 5))
  (elem $e (i32.const 0) func $a $b)
  (data $d (i32.const 4) "data")
  (func $a (type $t) (i32.const 1))
  (func $b (type $t) (i32.const 2))
  (func $init (export "init"))
  (func $get (export "get") (result i32) (global.get $g))
  (func $call (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0)))
  (func $load (export "load") (param i32) (result i32) (i32.load (local.get 0))))
