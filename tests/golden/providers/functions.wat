;; Functions for others to import.
(module
  (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "negate") (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
  (func (export "nothing")))
