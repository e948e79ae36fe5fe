;; More stretches than are written as segments of their own; the gaps hold an object that the initializer put there.
;; init: init
;; preload: p=providers/object.wat
;; call: get(0)
;; call: get(1)
;; call: get(20000)
;; call: get(20999)
(module
  (type $s (struct (field i32)))
  (import "p" "object" (global $g (ref $s)))
  (table $t 21000 anyref (global.get $g))
  (func (export "init") (local $i i32)
    (loop $l
      (table.set $t (local.get $i) (ref.i31 (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 2)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 20500)))))
  (func (export "get") (param i32) (result i32) (local $x anyref)
    (local.set $x (table.get $t (local.get 0)))
    (if (ref.is_null (local.get $x)) (then (return (i32.const -1))))
    (if (result i32) (ref.test (ref i31) (local.get $x))
      (then (i31.get_u (ref.cast (ref i31) (local.get $x))))
      (else (struct.get $s 0 (ref.cast (ref $s) (local.get $x)))))))
