;; A table and a mutable global for objects.
(module
  (table (export "table") 4 anyref)
  (global (export "global") (mut eqref) (ref.null eq))
  (func (export "null") (param i32) (result i32) (ref.is_null (table.get 0 (local.get 0)))))
