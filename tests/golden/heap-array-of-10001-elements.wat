;; More elements than `array.new_fixed` takes.
;; init: init
;; call: get(10000)
;; call: get(0)
;; call: reference(10000)
(module
  (type $a (array (mut i32))) (type $s (struct (field i32))) (type $r (array (mut (ref null $s))))
  (global $a (mut (ref null $a)) (ref.null $a)) (global $r (mut (ref null $r)) (ref.null $r))
  (func (export "init") (local $i i32)
    (global.set $a (array.new_default $a (i32.const 10001))) (global.set $r (array.new_default $r (i32.const 10001)))
    (loop $l
      (array.set $a (global.get $a) (local.get $i) (i32.mul (local.get $i) (i32.const 3)))
      (array.set $r (global.get $r) (local.get $i) (struct.new $s (local.get $i)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10001)))))
  (func (export "get") (param i32) (result i32) (array.get $a (global.get $a) (local.get 0)))
  (func (export "reference") (param i32) (result i32) (struct.get $s 0 (array.get $r (global.get $r) (local.get 0)))))
