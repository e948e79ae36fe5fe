;; A table and a global with a function that is not exported.
(module
  (table (export "table") 2 funcref)
  (global (export "callback") (mut funcref) (ref.func $private))
  (elem (i32.const 0) func $private)
  (func $private (result i32) (i32.const 99)))
