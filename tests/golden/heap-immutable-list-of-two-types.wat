;; Links that never change, of two types in turn: runs of one object each.
;; init: init
;; call: sum()
(module
  (rec (type $a (struct (field i32) (field (ref null $b)))) (type $b (struct (field (ref null $a)) (field i64))))
  (global $g (mut (ref null $a)) (ref.null $a))
  (func (export "init") (local $i i32)
    (loop $l
      (global.set $g (struct.new $a (local.get $i) (struct.new $b (global.get $g) (i64.extend_i32_u (local.get $i)))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))
  (func (export "sum") (result i64) (local $n (ref null $a)) (local $s i64)
    (local.set $n (global.get $g))
    (loop $l (result i64)
      (if (ref.is_null (local.get $n)) (then (return (local.get $s))))
      (local.set $s (i64.add (i64.mul (local.get $s) (i64.const 3))
        (i64.add (i64.extend_i32_u (struct.get $a 0 (local.get $n))) (struct.get $b 1 (struct.get $a 1 (local.get $n))))))
      (local.set $n (struct.get $b 0 (struct.get $a 1 (local.get $n))))
      (br $l))))
