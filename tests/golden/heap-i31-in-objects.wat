;; Integers in references, many of them and the same ones; the sign bit is part of some.
;; init: init
;; call: get(0)
;; call: get(1)
;; call: get(2)
;; call: extern()
(module
  (type $s (struct (field i31ref) (field eqref) (field anyref))) (type $a (array (mut (ref null $s))))
  (type $e (struct (field (mut externref))))
  (global $g (mut (ref null $a)) (ref.null $a)) (global $e (mut (ref null $e)) (ref.null $e))
  (func (export "init") (local $i i32)
    (global.set $g (array.new_default $a (i32.const 3)))
    (loop $l
      (array.set $a (global.get $g) (local.get $i)
        (struct.new $s (ref.i31 (i32.sub (i32.const 1) (local.get $i))) (ref.i31 (i32.const 0x3fffffff)) (ref.i31 (i32.const 7))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
    (global.set $e (struct.new $e (extern.convert_any (ref.i31 (i32.const -3))))))
  (func (export "get") (param i32) (result i32 i32) (local $s (ref null $s))
    (local.set $s (array.get $a (global.get $g) (local.get 0)))
    (i31.get_s (struct.get $s 0 (local.get $s))) (i31.get_s (ref.cast (ref i31) (struct.get $s 1 (local.get $s)))))
  (func (export "extern") (result i32) (i31.get_s (ref.cast (ref i31) (any.convert_extern (struct.get $e 0 (global.get $e)))))))
