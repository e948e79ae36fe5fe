;; A list whose links never change has to be made from its end.
;; init: init
;; call: sum()
(module
  (type $cons (struct (field i32) (field (ref null $cons))))
  (global $g (mut (ref null $cons)) (ref.null $cons))
  (func (export "init") (local $i i32)
    (loop $l
      (global.set $g (struct.new $cons (local.get $i) (global.get $g)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300)))))
  (func (export "sum") (result i32) (local $n (ref null $cons)) (local $s i32)
    (local.set $n (global.get $g))
    (loop $l (result i32)
      (if (ref.is_null (local.get $n)) (then (return (local.get $s))))
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 3)) (struct.get $cons 0 (local.get $n))))
      (local.set $n (struct.get $cons 1 (local.get $n)))
      (br $l))))
