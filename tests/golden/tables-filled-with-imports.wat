;; Tables that an initializer fills with what an import holds have no initializer any more, or, where there must be one, all of their
;; slots are written: init may have written what the import holds.
;; init: init
;; preload: refs=providers/references.wat
;; call: functions(1)
;; call: functions(2)
;; call: numbers(0)
;; call: numbers(2)
;; call: must(0)
;; call: must(1)
(module
  (import "refs" "null" (global $null funcref))
  (import "refs" "five" (global $five (ref i31)))
  (table $functions 4 funcref (global.get $null))
  (table $numbers 3 i31ref (global.get $five))
  (table $must 2 (ref i31) (global.get $five))
  (func $f)
  (elem declare func $f)
  (func (export "init")
    (table.fill $functions (i32.const 0) (ref.null func) (i32.const 4))
    (table.set $functions (i32.const 2) (ref.func $f))
    (table.set $numbers (i32.const 2) (ref.null i31))
    (table.set $must (i32.const 1) (ref.i31 (i32.const 6))))
  (func (export "functions") (param i32) (result i32) (ref.is_null (table.get $functions (local.get 0))))
  (func (export "numbers") (param i32) (result i32) (ref.is_null (table.get $numbers (local.get 0))))
  (func (export "must") (param i32) (result i32) (i31.get_u (table.get $must (local.get 0)))))
