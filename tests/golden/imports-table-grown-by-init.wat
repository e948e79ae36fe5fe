;; As with memory: grown by a start function that traps where the table is not as large as it was.
;; init: init
;; preload: env=providers/state.wat
;; elsewhere: env=providers/larger.wat
;; call: size()
;; call: env::call(3)
;; call: env::call(4)
;; call: env::call(5)
;; call: env::call(6)
(module
  (type $t (func (result i32)))
  (import "env" "table" (table 4 funcref))
  (elem declare func $own)
  (func $own (type $t) (i32.const 50))
  (func (export "init")
    (drop (table.grow (ref.null func) (i32.const 3)))
    (table.set (i32.const 3) (ref.func $own))
    (table.set (i32.const 4) (ref.func $own))
    (table.set (i32.const 6) (ref.func $own)))
  (func (export "size") (result i32) (table.size)))
