;; 16-bit units straight from the data segment.
;; init: init
;; call: hash()
;; call: len()
(module
  (type $str (array (mut i16)))
  (global $s (mut (ref null $str)) (ref.null $str))
  (func (export "init") (local $i i32)
    (global.set $s (array.new_default $str (i32.const 5242880)))
    (loop $l
      (array.set $str (global.get $s) (local.get $i) (i32.mul (local.get $i) (i32.const 2654435)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5242880)))))
  (func (export "hash") (result i32) (local $i i32) (local $h i32)
    (loop $l
      (local.set $h (i32.add (i32.mul (local.get $h) (i32.const 31)) (array.get_u $str (global.get $s) (local.get $i))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5242880))))
    (local.get $h))
  (func (export "len") (result i32) (array.len (global.get $s))))
