;; A table that cannot hold null.
(module
  (type $t (func (result i32)))
  (table (export "table") 1 5 (ref $t) (ref.func $f))
  (func $f (type $t) (i32.const 1)))
