;; Immutable references: a null, and a number.
(module
  (global (export "null") funcref (ref.null func))
  (global (export "five") (ref i31) (ref.i31 (i32.const 5))))
