;; Two equal objects stay two, one that is shared stays one.
;; init: init
;; call: same(0, 1)
;; call: same(0, 2)
;; call: same(1, 2)
(module
  (type $s (struct)) (table $t 3 eqref)
  (func (export "init") (local $x (ref $s))
    (local.set $x (struct.new $s))
    (table.set $t (i32.const 0) (local.get $x)) (table.set $t (i32.const 1) (struct.new $s)) (table.set $t (i32.const 2) (local.get $x)))
  (func (export "same") (param i32 i32) (result i32) (ref.eq (table.get $t (local.get 0)) (table.get $t (local.get 1)))))
