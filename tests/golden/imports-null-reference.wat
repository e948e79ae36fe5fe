;; An immutable import that is null leaves no trace in the state: the table is right only where the import is null again.
;; preload: e=providers/null.wat
;; call: is_null()
(module
  (import "e" "r" (global $r funcref))
  (table (export "t") 4 funcref)
  (elem (i32.const 0) funcref (global.get $r))
  (func (export "preinit"))
  (func (export "is_null") (result i32) (ref.is_null (table.get (i32.const 0)))))
