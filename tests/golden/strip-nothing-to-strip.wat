;; An exported table hands out whatever it holds, of any type; the output is as it would be without the option.
;; options: strip-init keep-init
;; call: f(3)
(module
  (table (export "table") 2 funcref)
  (elem (i32.const 0) func $a $b)
  (func $a (result i32) (i32.const 1))
  (func $b (param f64) (result i32) (call $c))
  (func $c (result i32) (i32.const 2))
  (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (call $c)))
  (func (export "preinit")))
