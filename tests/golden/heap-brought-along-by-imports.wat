;; Objects that imported tables and mutable globals came with, and still hold: they are the same ones, with what init wrote.
;; init: init
;; preload: p=providers/brought.wat
;; call: slot(0)
;; call: slot(1)
;; call: global()
;; call: same()
;; call: same()
(module
  (type $s (struct (field (mut i32))))
  (type $holder (struct (field (ref $s)) (field (mut (ref null $s)))))
  (import "p" "t" (table $t 3 (ref null $s)))
  (import "p" "m" (global $m (mut (ref null $s))))
  (global $own (mut (ref null $holder)) (ref.null $holder))
  (func (export "init")
    (table.set $t (i32.const 1) (struct.new $s (i32.const 8)))
    (struct.set $s 0 (table.get $t (i32.const 0)) (i32.const 50))
    (struct.set $s 0 (global.get $m) (i32.const 60))
    (global.set $own (struct.new $holder (ref.as_non_null (table.get $t (i32.const 2))) (global.get $m))))
  (func (export "slot") (param i32) (result i32) (struct.get $s 0 (table.get $t (local.get 0))))
  (func (export "global") (result i32) (struct.get $s 0 (global.get $m)))
  (func (export "same") (result i32 i32)
    (ref.eq (struct.get $holder 0 (global.get $own)) (table.get $t (i32.const 0)))
    (ref.eq (struct.get $holder 1 (global.get $own)) (global.get $m))))
