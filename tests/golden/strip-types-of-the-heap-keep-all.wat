;; Where function types have subtypes, an indirect call keeps every function that its table holds and that may fit.
;; options: strip-init
;; call: f(1)
(module
  (type $open (sub (func (result i32))))
  (type $special (sub $open (func (result i32))))
  (table 2 funcref)
  (elem (i32.const 0) func $a $b)
  (func $a (type $open) (i32.const 1))
  (func $b (type $special) (i32.const 2))
  (func $unused (result i32) (i32.const 3))
  (func (export "f") (param i32) (result i32) (call_indirect (type $open) (local.get 0)))
  (func (export "preinit") (drop (call $unused))))
