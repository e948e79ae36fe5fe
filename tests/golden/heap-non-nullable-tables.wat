;; A table that an object fills from the beginning, some slots of which changed, and which grew.
;; init: init
;; call: get(0)
;; call: get(1)
;; call: get(5)
;; call: same(0, 2)
;; call: same(1, 5)
(module
  (type $s (struct (field (mut i32))))
  (table $t 3 (ref $s) (struct.new $s (i32.const 4)))
  (func (export "init")
    (struct.set $s 0 (table.get $t (i32.const 0)) (i32.const 5))
    (table.set $t (i32.const 1) (struct.new $s (i32.const 6)))
    (drop (table.grow $t (table.get $t (i32.const 1)) (i32.const 3))))
  (func (export "get") (param i32) (result i32) (struct.get $s 0 (table.get $t (local.get 0))))
  (func (export "same") (param i32 i32) (result i32) (ref.eq (table.get $t (local.get 0)) (table.get $t (local.get 1)))))
