;; Deeper than any stack.
;; init: init
;; call: forward()
;; call: backward()
;; call: length()
(module
  (type $n (struct (field i32) (field (mut (ref null $n))) (field (mut (ref null $n)))))
  (global $head (mut (ref null $n)) (ref.null $n)) (global $tail (mut (ref null $n)) (ref.null $n))
  (func (export "init") (local $i i32) (local $x (ref null $n))
    (loop $l
      (local.set $x (struct.new $n (local.get $i) (global.get $tail) (ref.null $n)))
      (if (ref.is_null (global.get $tail)) (then (global.set $head (local.get $x)))
        (else (struct.set $n 2 (global.get $tail) (local.get $x))))
      (global.set $tail (local.get $x))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000)))))
  (func $walk (param $n (ref null $n)) (param $back i32) (result i32 i32) (local $s i32) (local $c i32)
    (block $end
      (loop $l
        (br_if $end (ref.is_null (local.get $n)))
        (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (struct.get $n 0 (local.get $n))))
        (local.set $c (i32.add (local.get $c) (i32.const 1)))
        (if (local.get $back) (then (local.set $n (struct.get $n 1 (local.get $n)))) (else (local.set $n (struct.get $n 2 (local.get $n)))))
        (br $l)))
    (local.get $s) (local.get $c))
  (func (export "forward") (result i32 i32) (call $walk (global.get $head) (i32.const 0)))
  (func (export "backward") (result i32 i32) (call $walk (global.get $tail) (i32.const 1)))
  (func (export "length") (result i32) (struct.get $n 0 (global.get $tail))))
