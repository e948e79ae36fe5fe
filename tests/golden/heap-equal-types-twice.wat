;; Types that are declared twice are one; recursion groups make two of what looks the same.
;; init: init
;; call: is(0)
;; call: is(1)
(module
  (type $a (struct (field i32))) (type $b (struct (field i32)))
  (rec (type $c (struct (field i32))) (type $d (struct (field i32))))
  (table $t 2 anyref)
  (func (export "init")
    (table.set $t (i32.const 0) (struct.new $b (i32.const 1))) (table.set $t (i32.const 1) (struct.new $d (i32.const 2))))
  (func (export "is") (param i32) (result i32 i32 i32 i32)
    (ref.test (ref $a) (table.get $t (local.get 0))) (ref.test (ref $b) (table.get $t (local.get 0)))
    (ref.test (ref $c) (table.get $t (local.get 0))) (ref.test (ref $d) (table.get $t (local.get 0)))))
