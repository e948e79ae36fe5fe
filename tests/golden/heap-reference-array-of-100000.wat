;; init: init
;; call: sum()
;; call: same()
(module
  (type $s (struct (field (mut i32)))) (type $a (array (mut (ref null $s))))
  (global $a (mut (ref null $a)) (ref.null $a))
  (func (export "init") (local $i i32)
    (global.set $a (array.new_default $a (i32.const 100000)))
    (loop $l
      (array.set $a (global.get $a) (local.get $i) (struct.new $s (i32.mul (local.get $i) (i32.const 7))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
    (array.set $a (global.get $a) (i32.const 5) (array.get $a (global.get $a) (i32.const 99999))))
  (func (export "sum") (result i32) (local $i i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (struct.get $s 0 (array.get $a (global.get $a) (local.get $i)))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
    (local.get $s))
  (func (export "same") (result i32) (ref.eq (array.get $a (global.get $a) (i32.const 5)) (array.get $a (global.get $a) (i32.const 99999)))))
