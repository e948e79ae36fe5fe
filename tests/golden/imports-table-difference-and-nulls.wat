;; Own functions, the provider's functions at other places, and a null, written into the kept import.
;; init: init
;; preload: env=providers/state.wat
;; call: env::call(0)
;; call: env::call(1)
;; call: env::call(2)
;; call: env::call(3)
(module
  (type $t (func (result i32)))
  (import "env" "one" (func $one (type $t)))
  (import "env" "table" (table 4 funcref))
  (elem declare func $own)
  (func $own (type $t) (i32.const 50))
  (func (export "init")
    (table.set (i32.const 0) (ref.func $own))
    (table.set (i32.const 2) (ref.null func))
    (table.set (i32.const 3) (table.get (i32.const 1)))))
