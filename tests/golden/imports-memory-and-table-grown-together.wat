;; Growth of two imports whose first new slots are not the ones that are written.
;; init: init
;; preload: env=providers/state.wat
;; call: env::call(6)
;; call: env::call(5)
;; call: env::load(0)
(module $m
  (type $t (func (result i32)))
  (import "env" "memory" (memory $memory 1))
  (import "env" "table" (table $table 4 funcref))
  (func $own (export "own") (type $t) (i32.const 50))
  (func $init (export "init")
    (drop (memory.grow (i32.const 2)))
    (drop (table.grow (ref.null func) (i32.const 3)))
    (table.set (i32.const 6) (ref.func $own))))
